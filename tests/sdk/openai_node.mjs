// The official `openai` package for Node against the gateway at argv[2]. Prints one JSON object.
import OpenAI from "openai";

const [, , baseURL, model, embeddingModel] = process.argv;
const client = new OpenAI({ baseURL, apiKey: "unused", maxRetries: 0, timeout: 120_000 });
const messages = [{ role: "user", content: "What is the capital of France?" }];
const found = {};

const { data: whole, response } = await client.chat.completions
  .create({ model, messages, max_tokens: 12, temperature: 0 })
  .withResponse();
found.text = whole.choices[0].message.content;
found.backend = response.headers.get("x-rocket-backend");
found.mark = whole._backend;

const stream = await client.chat.completions.create({
  model,
  messages,
  max_tokens: 12,
  temperature: 0,
  stream: true,
  stream_options: { include_usage: true },
});
found.streamed = "";
for await (const chunk of stream) {
  found.streamed += chunk.choices[0]?.delta?.content ?? "";
  found.usage = chunk.usage ?? found.usage;
}

const aborted = await client.chat.completions.create({
  model,
  messages: [{ role: "user", content: "Count from one to one thousand." }],
  max_tokens: 500,
  stream: true,
});
found.chunksBeforeAbort = 0;
for await (const _ of aborted) {
  if (++found.chunksBeforeAbort === 3) break; // leaving the loop aborts the request
}

found.models = (await client.models.list()).data.map((each) => each.id);
found.retrieved = (await client.models.retrieve(model)).id;
const embeddings = await client.embeddings.create({ model: embeddingModel, input: ["a", "b"] });
found.vectors = embeddings.data.map((each) => each.embedding.length);

try {
  await client.chat.completions.create({ model: "nonsense", messages });
} catch (error) {
  found.unknownModel = [error.constructor.name, error.status, error.code];
}
try {
  await client.chat.completions.create({ model, messages, backend: "nonsense" });
} catch (error) {
  found.unknownBackend = [error.constructor.name, error.status, error.code];
}
console.log(JSON.stringify(found));
