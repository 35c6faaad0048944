// The official `ollama` package for Node. argv[2] is a JSON object that says whom to ask what.
// Prints one JSON object.
import { Ollama } from "ollama";

const asked = JSON.parse(process.argv[2]);
const { model } = asked;
const headers = [];
const client = new Ollama({
  host: asked.url,
  fetch: async (...request) => {
    const response = await fetch(...request);
    headers.push(response.headers);
    return response;
  },
});
const options = {
  model,
  messages: asked.question,
  options: { num_predict: 12, temperature: 0 },
};
const found = {};

const whole = await client.chat(options);
found.text = whole.message.content;
found.end = [whole.done, whole.done_reason, whole.eval_count];
found.backend = headers.at(-1).get("x-rocket-backend");

found.streamed = "";
for await (const part of await client.chat({ ...options, stream: true })) {
  found.streamed += part.message.content;
  found.streamedEnd = [part.done, part.done_reason ?? null, part.eval_count ?? null];
}

const { messages: _, ...common } = options;
const made = { ...common, prompt: asked.question[0].content };
found.generated = [(await client.generate(made)).response, ""];
for await (const part of await client.generate({ ...made, stream: true })) {
  found.generated[1] += part.response;
}

const shaped = await client.chat({
  ...options,
  format: asked.schema,
  options: { num_predict: 80, temperature: 0 },
});
found.shaped = JSON.parse(shaped.message.content);

const calling = {
  messages: asked.weather,
  tools: [asked.tool],
  options: { num_predict: 64, temperature: 0 },
  ...asked.forced,
};
found.called = [(await client.chat(calling)).message.tool_calls, []];
for await (const part of await client.chat({ ...calling, stream: true })) {
  found.called[1].push(...(part.message.tool_calls ?? []));
}

if (asked.embeddingModel) {
  const embedded = await client.embed({ model: asked.embeddingModel, input: ["a", "b"] });
  found.vectors = embedded.embeddings.map((each) => each.length);
}
found.models = (await client.list()).models.map((each) => each.model);
found.capabilities = (await client.show({ model })).capabilities;
found.loaded = (await client.ps()).models.map((each) => each.model);
found.version = (await client.version()).version;

async function failure(call) {
  try {
    await call();
  } catch (error) {
    return [error.name, error.status_code ?? null, error.error?.includes("nonsense") ?? null];
  }
}
found.failures = {
  unknownModel: await failure(() => client.chat({ ...options, model: "nonsense" })),
  unknownModelStreamed: await failure(() =>
    client.chat({ ...options, model: "nonsense", stream: true }),
  ),
  unknownModelShown: await failure(() => client.show({ model: "nonsense" })),
};

console.log(JSON.stringify(found));
