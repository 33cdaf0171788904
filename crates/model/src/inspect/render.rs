//! The report as people read it.

use serde_json::Value;

use crate::inspect::InspectReport;
use crate::table::{Table, gigabytes, thousands};

/// Tensors shown before the rest is only counted.
const TENSORS_SHOWN: usize = 40;

impl InspectReport {
    /// Plain text with aligned columns.
    pub fn render(&self) -> String {
        let mut text = format!("{} ({})\n", self.model, self.architecture);
        if let Some(source) = self.source {
            text.push_str(&format!("built-in values: {source}\n"));
        }
        for (title, table) in [
            ("Config", self.config_table()),
            ("Parameters", self.parameter_table()),
            ("Weights on disk", self.bytes_table()),
            ("Memory and traffic", self.memory_table()),
        ] {
            text.push_str(&format!("\n{title}\n{}", table.render()));
        }
        if let Some(tensors) = &self.tensors {
            let mut table = Table::default();
            for tensor in tensors.iter().take(TENSORS_SHOWN) {
                let shape = format!("{:?}", tensor.shape);
                table.row([&tensor.name, tensor.dtype, &shape, &gigabytes(tensor.bytes)]);
            }
            let n_tensors = thousands(tensors.len() as u64);
            text.push_str(&format!("\n{n_tensors} tensors\n{}", table.render()));
            if tensors.len() > TENSORS_SHOWN {
                let rest = thousands((tensors.len() - TENSORS_SHOWN) as u64);
                text.push_str(&format!("  … and {rest} more; --json lists them all\n"));
            }
        }
        match &self.problems {
            Some(problems) if !problems.is_empty() => {
                text.push_str(&format!("\nThe weights do not match the config: {problems}\n"));
            }
            _ => {}
        }
        text
    }

    fn config_table(&self) -> Table {
        let mut table = Table::left_aligned();
        let values = self.config.as_object().into_iter().flatten();
        for (key, value) in values {
            let shown = match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            table.row([key.clone(), shown]);
        }
        table
    }

    fn parameter_table(&self) -> Table {
        let parameters = &self.parameters;
        let mut table = Table::default();
        table.row(["component", "total", "active"]);
        for component in &parameters.components {
            let name = serde_json::to_value(component.component);
            let name = name.ok().and_then(|name| name.as_str().map(|name| name.replace('_', " ")));
            table.row([
                name.unwrap_or_default(),
                thousands(component.total),
                thousands(component.active),
            ]);
        }
        let active = parameters.active;
        let with_both = thousands(active.with_embedding_and_head);
        table.row(["all".into(), thousands(parameters.total), with_both]);
        let rows =
            [("without the embedding", active.with_head), ("layers only", active.with_neither)];
        for (name, active) in rows {
            table.row([name.into(), "".into(), thousands(active)]);
        }
        if let Some(mtp) = &parameters.mtp {
            let name = "MTP layers, beside the above".into();
            table.row([name, thousands(mtp.unique), thousands(mtp.active)]);
        }
        table
    }

    fn bytes_table(&self) -> Table {
        let mut table = Table::default();
        for entry in &self.weights_bytes {
            let name = entry.format.name().replace('_', " ");
            table.row([name, thousands(entry.bytes), gigabytes(entry.bytes)]);
        }
        table
    }

    fn memory_table(&self) -> Table {
        let memory = &self.memory;
        let mut table = Table::default();
        table.row(["format of the weights".into(), memory.format.name().replace('_', " ")]);
        for (name, bytes) in [
            ("packed weights", memory.packed_bytes),
            ("peak while loading", memory.peak_load_bytes),
            ("read for one token", memory.read_bytes_per_token),
            ("cache a token", memory.kv_bytes_per_token),
            ("cache a token with MTP", memory.kv_bytes_per_token_with_mtp),
        ] {
            table.row([name.into(), thousands(bytes), gigabytes(bytes)]);
        }
        let flops = memory.flops_per_token;
        table.row(["operations for one token".into(), thousands(flops)]);
        table
    }
}
