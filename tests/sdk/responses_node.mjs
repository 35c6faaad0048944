// OpenAI's Responses by the official `openai` package for Node. argv[2] is a JSON object that says
// whom to ask what. Prints one JSON object.
import OpenAI from "openai";
import { zodTextFormat } from "openai/helpers/zod";
import { z } from "zod";

const asked = JSON.parse(process.argv[2]);
const { model } = asked;
const client = new OpenAI({
  baseURL: asked.url,
  apiKey: "unused",
  maxRetries: 0,
  timeout: 120_000,
});
const options = { model, input: asked.question, max_output_tokens: 16, temperature: 0 };
const found = {};

const { data: whole, response } = await client.responses.create(options).withResponse();
found.text = whole.output_text;
found.status = whole.status;
found.backend = response.headers.get("x-rocket-backend");

found.events = [];
found.sequence = [];
found.streamed = "";
for await (const event of await client.responses.create({ ...options, stream: true })) {
  found.events.push(event.type);
  found.sequence.push(event.sequence_number);
  if (event.type === "response.output_text.delta") found.streamed += event.delta;
  found.last = event.response ?? null;
}

const City = z.object({
  name: z.enum(["Paris", "Rome"]),
  country: z.enum(["France", "Italy"]),
  capital: z.boolean(),
});
const parsed = await client.responses.parse({
  ...options,
  max_output_tokens: 80,
  text: { format: zodTextFormat(City, "city") },
});
found.city = parsed.output_parsed;

const calling = {
  input: asked.weather,
  tools: [asked.tool],
  max_output_tokens: 64,
  temperature: 0,
  ...asked.forced,
};
const called = await client.responses.create(calling);
found.called = [called.output, (await client.responses.stream(calling).finalResponse()).output];
const result = {
  type: "function_call_output",
  call_id: called.output[0].call_id,
  output: "Rain.",
};
const after = await client.responses.create({
  ...options,
  model: asked.forced.model,
  input: [...asked.weather, ...called.output, result],
});
found.after = after.output_text;

const kept = await client.responses.retrieve(whole.id);
found.kept = [kept.id === whole.id, kept.output_text];
const second = await client.responses.create({
  ...options,
  model: asked.forced.model,
  input: [result],
  previous_response_id: called.id,
});
found.second = [second.output_text, second.previous_response_id === called.id];
const stream = client.responses.stream({
  ...options,
  model: asked.forced.model,
  input: "And in Rome?",
  previous_response_id: second.id,
});
const third = await stream.finalResponse();
found.items = [];
for await (const item of client.responses.inputItems.list(third.id, { order: "asc", limit: 2 })) {
  found.items.push(item.type);
}
await client.responses.delete(third.id);

async function failure(call) {
  try {
    await call();
  } catch (error) {
    return [error.constructor.name, error.status ?? null];
  }
}
found.failures = {
  unknownModel: await failure(() => client.responses.create({ ...options, model: "nonsense" })),
  previous: await failure(() =>
    client.responses.create({ ...options, previous_response_id: "resp_1" }),
  ),
  noInput: await failure(() => client.post("/responses", { body: { model } })),
  anAnswerOfBefore: await failure(() => client.responses.retrieve("resp_1")),
  deleted: await failure(() => client.responses.retrieve(third.id)),
};

console.log(JSON.stringify(found));
