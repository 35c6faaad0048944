// The official `openai` package for Node. argv[2] is a JSON object that says whom to ask what.
// Prints one JSON object.
import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";

const asked = JSON.parse(process.argv[2]);
const { model } = asked;
const client = new OpenAI({
  baseURL: asked.url,
  apiKey: "unused",
  maxRetries: 0,
  timeout: 120_000,
});
const options = { model, messages: asked.question, max_tokens: 12, temperature: 0 };
const found = {};

const { data: whole, response } = await client.chat.completions.create(options).withResponse();
found.text = whole.choices[0].message.content;
found.backend = response.headers.get("x-rocket-backend");
found.mark = whole._backend;

const stream = await client.chat.completions.create({
  ...options,
  stream: true,
  stream_options: { include_usage: true },
});
found.streamed = "";
for await (const chunk of stream) {
  found.streamed += chunk.choices[0]?.delta?.content ?? "";
  found.usage = chunk.usage ?? found.usage;
}

const several = await client.chat.completions.create({ ...options, temperature: 1, n: 2 });
found.choices = several.choices.map((each) => [each.index, each.message.content !== ""]);
// The package's own way of putting the chunks of a stream together.
const running = client.chat.completions.stream({ ...options, temperature: 1, n: 2 });
const final = await running.finalChatCompletion();
found.streamedChoices = final.choices.map((each) => [each.index, each.message.content !== ""]);

const City = z.object({
  name: z.enum(["Paris", "Rome"]),
  country: z.enum(["France", "Italy"]),
  capital: z.boolean(),
});
const parsed = await client.chat.completions.parse({
  ...options,
  max_tokens: 80,
  response_format: zodResponseFormat(City, "city"),
});
found.city = parsed.choices[0].message.parsed;

const forced = {
  messages: asked.weather,
  tools: [asked.tool],
  max_tokens: 64,
  temperature: 0,
  ...asked.forced,
};
found.called = [(await client.chat.completions.create(forced)).choices[0]];
found.called.push((await client.chat.completions.stream(forced).finalChatCompletion()).choices[0]);

found.models = (await client.models.list()).data.map((each) => each.id);
found.retrieved = (await client.models.retrieve(model)).id;
found.vectors = [];
for (const encoding_format of asked.embeddingModel ? [undefined, "float"] : []) {
  const made = await client.embeddings.create({
    model: asked.embeddingModel,
    input: ["a", "b"],
    encoding_format,
  });
  found.vectors.push(...made.data.map((each) => each.embedding.length));
}

async function failure(call) {
  try {
    await call();
  } catch (error) {
    return [error.constructor.name, error.status ?? null, error.code ?? null];
  }
}
found.failures = {
  unknownModel: await failure(() =>
    client.chat.completions.create({ ...options, model: "nonsense" }),
  ),
  unknownBackend: await failure(() =>
    client.chat.completions.create({ ...options, backend: "nonsense" }),
  ),
  noMessages: await failure(() => client.post("/chat/completions", { body: { model } })),
  unknownPath: await failure(() => client.get("/nonsense")),
  wrongMethod: await failure(() => client.get("/chat/completions")),
};

console.log(JSON.stringify(found));
