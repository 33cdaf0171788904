//! The plan as people read it.

use crate::plan::{PlanReport, Speed};
use crate::table::{Table, gigabytes, thousands};

impl PlanReport {
    /// Plain text with aligned columns.
    pub fn render(&self) -> String {
        let active = self.parameters.active;
        let mut facts = Table::default();
        facts.row(["parameters".into(), thousands(self.parameters.total)]);
        facts.row([
            "active a token".into(),
            thousands(active.with_head),
            format!("({} with the embedding)", thousands(active.with_embedding_and_head)),
        ]);
        facts.row(["cache bytes a token".into(), thousands(self.kv_bytes_per_token)]);
        facts.row([
            "cache of one stream".into(),
            gigabytes(self.kv_bytes_per_stream),
            format!("({} tokens)", thousands(self.context as u64)),
        ]);
        if let (Some(memory), Some(usable)) = (self.memory_bytes, self.usable_bytes) {
            facts.row([
                "memory".into(),
                gigabytes(memory),
                format!("({} for weights and cache)", gigabytes(usable)),
            ]);
        }
        let mut text = format!("Model\n{}", facts.render());
        text.push_str(&format!("\nWhat fits\n{}", self.fit_table().render()));
        if self.formats.iter().any(|plan| plan.decode.is_some()) {
            let (streams, prompt) = (self.streams, thousands(self.prompt as u64));
            let title = format!(
                "Speed at best: {streams} stream{} at {} tokens; a prompt of {prompt}",
                if streams == 1 { "" } else { "s" },
                thousands(self.context as u64)
            );
            text.push_str(&format!("\n{title}\n{}", self.speed_table().render()));
        }
        for note in &self.notes {
            text.push_str(&format!("\nnote: {note}\n"));
        }
        text
    }

    fn fit_table(&self) -> Table {
        let mut table = Table::default();
        table.row(["format", "weights", "fits", "cache tokens", "streams", "why"]);
        for plan in &self.formats {
            let mut row = vec![plan.format.name().into(), gigabytes(plan.weights_bytes)];
            if let Some(fit) = &plan.fit {
                row.extend([
                    if fit.fits { "yes" } else { "no" }.into(),
                    thousands(fit.kv_tokens),
                    thousands(fit.streams),
                    fit.reason.clone(),
                ]);
            }
            table.row(row);
        }
        table
    }

    fn speed_table(&self) -> Table {
        let mut table = Table::default();
        table.row(["format", "what", "tok/s", "why"]);
        for plan in &self.formats {
            let mut add = |what: &str, speed: &Option<Speed>| {
                if let Some(speed) = speed {
                    table.row([
                        plan.format.name().into(),
                        what.into(),
                        format!("{:.1}", speed.tokens_per_s),
                        speed.reason.clone(),
                    ]);
                }
            };
            add("decode", &plan.decode);
            add("prefill", &plan.prefill);
        }
        table
    }
}
