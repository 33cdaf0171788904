"""Runs the official clients against a server: `check.py URL MODEL`.

The model writes random text; what is checked is that the clients understand every answer.
"""

import json
import os
import subprocess
import sys
import tempfile

import anthropic
import openai

URL, MODEL = sys.argv[1], sys.argv[2]
KEY = "not-needed"
SCHEMA = {
    "type": "object",
    "properties": {"colour": {"enum": ["red", "green"]}},
    "required": ["colour"],
    "additionalProperties": False,
}


def check_openai_chat(client):
    messages = [{"role": "user", "content": "Hello"}]
    answer = client.chat.completions.create(
        model=MODEL, messages=messages, max_tokens=40, seed=1, logprobs=True, top_logprobs=2, n=2,
        reasoning_effort="low",
    )
    assert len(answer.choices) == 2 and answer.usage.completion_tokens > 0
    assert answer.choices[0].message.reasoning_content
    assert answer.usage.completion_tokens_details.reasoning_tokens > 0
    stream = client.chat.completions.create(
        model=MODEL, messages=messages, max_tokens=40, seed=1, stream=True,
        stream_options={"include_usage": True}, reasoning_effort="low",
    )
    reasoning, text, usage = "", "", None
    for chunk in stream:
        usage = chunk.usage or usage
        for choice in chunk.choices:
            reasoning += getattr(choice.delta, "reasoning_content", None) or ""
            text += choice.delta.content or ""
    assert reasoning == answer.choices[0].message.reasoning_content, (reasoning, answer)
    assert text == answer.choices[0].message.content, (text, answer)
    assert usage.completion_tokens <= 40


def check_openai_forms(client):
    messages = [{"role": "user", "content": "Hello"}]
    answer = client.chat.completions.create(
        model=MODEL, messages=messages, max_tokens=400, seed=2, reasoning_effort="none",
        response_format={"type": "json_schema", "json_schema": {"name": "c", "schema": SCHEMA}},
    )
    assert json.loads(answer.choices[0].message.content)["colour"] in ("red", "green")
    tool = {"type": "function", "function": {"name": "paint", "parameters": SCHEMA}}
    asked = dict(
        model=MODEL, messages=messages, max_tokens=400, seed=2, tools=[tool], tool_choice="required",
        parallel_tool_calls=False, extra_body={"thinking": {"type": "disabled"}},
    )
    answer = client.chat.completions.create(**asked)
    call = answer.choices[0].message.tool_calls[0]
    assert answer.choices[0].finish_reason == "tool_calls" and call.function.name == "paint"
    assert json.loads(call.function.arguments)["colour"] in ("red", "green")
    with client.chat.completions.stream(**asked) as stream:
        streamed = stream.get_final_completion().choices[0].message.tool_calls[0]
    assert streamed.function.arguments == call.function.arguments
    turns = messages + [
        answer.choices[0].message.model_dump(exclude_none=True),
        {"role": "tool", "tool_call_id": call.id, "content": "done"},
    ]
    after = client.chat.completions.create(model=MODEL, messages=turns, max_tokens=20, tools=[tool])
    assert after.choices[0].finish_reason in ("stop", "length", "tool_calls")


def check_openai_errors(client):
    for more, kind in [
        ({"temperature": 9}, openai.BadRequestError),
        ({"model": "another"}, openai.NotFoundError),
        ({"extra_body": {"no_such_field": 1}}, openai.BadRequestError),
    ]:
        asked = {"model": MODEL, "messages": [{"role": "user", "content": "x"}], **more}
        try:
            client.chat.completions.create(**asked)
        except kind as error:
            assert error.body["message"]
        else:
            raise AssertionError(f"{more} was accepted")


def check_openai_responses(client):
    answer = client.responses.create(
        model=MODEL, input="Hello", max_output_tokens=60, reasoning={"effort": "low"},
    )
    assert answer.usage.output_tokens > 0
    kinds = [item.type for item in answer.output]
    assert kinds and kinds[0] == "reasoning", kinds
    with client.responses.stream(
        model=MODEL, input="Hello", max_output_tokens=60, reasoning={"effort": "low"},
    ) as stream:
        events = list(stream)
    assert events[0].type == "response.created"
    assert events[-1].type in ("response.completed", "response.incomplete"), events[-1]
    assert events[-1].response.usage.output_tokens > 0
    answer = client.responses.create(
        model=MODEL, input="Hello", max_output_tokens=400, reasoning={"effort": "none"},
        text={"format": {"type": "json_schema", "name": "c", "schema": SCHEMA}},
    )
    assert json.loads(answer.output_text)["colour"] in ("red", "green")
    tool = {"type": "function", "name": "paint", "parameters": SCHEMA, "strict": True}
    answer = client.responses.create(
        model=MODEL, input="Hello", max_output_tokens=400, reasoning={"effort": "none"},
        tools=[tool], tool_choice="required", parallel_tool_calls=False,
    )
    call = next(item for item in answer.output if item.type == "function_call")
    assert json.loads(call.arguments)["colour"] in ("red", "green")


def check_anthropic(client):
    messages = [{"role": "user", "content": "Hello"}]
    asked = dict(model=MODEL, messages=messages, max_tokens=60,
                 thinking={"type": "enabled", "budget_tokens": 20})
    answer = client.messages.create(**asked)
    assert answer.content[0].type == "thinking" and answer.usage.output_tokens > 0
    assert answer.stop_reason in ("end_turn", "max_tokens")
    with client.messages.stream(**asked) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_message()
    assert kinds[0] == "message_start" and kinds[-1] == "message_stop", kinds
    assert final.content[0].type == "thinking" and final.content[0].signature
    tool = {"name": "paint", "input_schema": SCHEMA}
    answer = client.messages.create(
        model=MODEL, messages=messages, max_tokens=400, thinking={"type": "disabled"}, tools=[tool],
        tool_choice={"type": "any", "disable_parallel_tool_use": True},
    )
    call = next(block for block in answer.content if block.type == "tool_use")
    assert answer.stop_reason == "tool_use" and call.input["colour"] in ("red", "green")
    turns = messages + [
        {"role": "assistant", "content": [block.model_dump() for block in answer.content]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "ok"}]},
    ]
    client.messages.create(model=MODEL, messages=turns, max_tokens=20, tools=[tool])
    assert client.messages.count_tokens(model=MODEL, messages=messages).input_tokens > 0
    try:
        client.messages.create(model="another", messages=messages, max_tokens=5)
    except anthropic.NotFoundError as error:
        assert error.body["type"] == "error"
    else:
        raise AssertionError("another model was accepted")


TASK = """
task: {name}
dataset_path: json
dataset_kwargs:
  data_files:
    test: {data}
test_split: test
output_type: {kind}
doc_to_text: "{{{{question}}}}"
{more}
"""
CHOICES = """doc_to_choice: ["yes", "no"]
doc_to_target: "{{answer}}"
metric_list: [{metric: acc}]"""
GENERATION = """doc_to_target: "{{answer}}"
generation_kwargs: {until: ["\\n\\n"], max_gen_toks: 12}
metric_list: [{metric: exact_match}]"""


def check_lm_eval(folder):
    data = os.path.join(folder, "data.jsonl")
    with open(data, "w") as file:
        for i in range(6):
            file.write(json.dumps({"question": f"Is {i} even?", "answer": i % 2}) + "\n")
    for name, kind, more in [
        ("choices", "multiple_choice", CHOICES),
        ("generation", "generate_until", GENERATION),
    ]:
        with open(os.path.join(folder, f"{name}.yaml"), "w") as file:
            file.write(TASK.format(name=name, data=data, kind=kind, more=more))
    completions = f"model={MODEL},base_url={URL}/v1/completions,num_concurrent=2,max_length=400"
    chat = f"model={MODEL},base_url={URL}/v1/chat/completions,num_concurrent=2"
    runs = [
        ["--model", "local-completions", "--model_args", completions, "--batch_size", "4",
         "--tasks", "choices,generation"],
        ["--model", "local-chat-completions", "--model_args", chat, "--apply_chat_template",
         "--tasks", "generation"],
    ]
    for arguments in runs:
        environment = {**os.environ, "HF_HOME": folder, "HF_DATASETS_OFFLINE": "1", "OPENAI_API_KEY": KEY}
        run = subprocess.run(
            [sys.executable, "-m", "lm_eval", *arguments, "--include_path", folder],
            env=environment, capture_output=True, text=True, timeout=300,
        )
        assert run.returncode == 0 and "generation" in run.stdout, run.stdout + run.stderr[-4000:]
        print(run.stdout)


def main():
    client = openai.OpenAI(base_url=f"{URL}/v1", api_key=KEY, max_retries=0, timeout=120)
    assert MODEL in [model.id for model in client.models.list()]
    checks = [check_openai_chat, check_openai_forms, check_openai_errors, check_openai_responses]
    for check in checks:
        check(client)
        print(check.__name__, "passed", flush=True)
    check_anthropic(anthropic.Anthropic(base_url=URL, api_key=KEY, max_retries=0, timeout=120))
    print("check_anthropic passed", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        check_lm_eval(folder)
    print("check_lm_eval passed", flush=True)


main()
