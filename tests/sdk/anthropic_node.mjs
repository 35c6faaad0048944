// The official `@anthropic-ai/sdk` package for Node. argv[2] is a JSON object that says whom to ask
// what. Prints one JSON object.
import Anthropic from "@anthropic-ai/sdk";

const asked = JSON.parse(process.argv[2]);
const { model } = asked;
const client = new Anthropic({
  baseURL: asked.url,
  apiKey: "unused",
  maxRetries: 0,
  timeout: 120_000,
});
const options = { model, messages: asked.question, max_tokens: 12, temperature: 0 };
const found = {};

const { data: whole, response } = await client.messages.create(options).withResponse();
found.text = whole.content[0].text;
found.stop = whole.stop_reason;
found.backend = response.headers.get("x-rocket-backend");

found.events = [];
for await (const event of await client.messages.create({ ...options, stream: true })) {
  found.events.push(event.type);
}
const stream = client.messages.stream(options);
found.streamed = "";
stream.on("text", (piece) => (found.streamed += piece));
const put = await stream.finalMessage();
found.put = [put.content[0].text, put.stop_reason, put.usage.output_tokens];

const calling = {
  messages: asked.weather,
  tools: [asked.tool],
  max_tokens: 64,
  temperature: 0,
  ...asked.forced,
};
const called = await client.messages.create(calling);
found.called = [called, await client.messages.stream(calling).finalMessage()];
const result = { type: "tool_result", tool_use_id: called.content.at(-1).id, content: "Rain." };
const after = await client.messages.create({
  ...options,
  model: asked.forced.model,
  messages: [
    ...asked.weather,
    { role: "assistant", content: called.content },
    { role: "user", content: [result] },
  ],
});
found.after = after.content[0].text;

const counted = await client.messages.countTokens({ model, messages: asked.question });
found.tokens = counted.input_tokens;
found.models = [];
for await (const each of client.models.list()) found.models.push(each.id);

async function failure(call) {
  try {
    await call();
  } catch (error) {
    return [error.constructor.name, error.status ?? null, error.error?.error?.type ?? null];
  }
}
found.failures = {
  unknownModel: await failure(() => client.messages.create({ ...options, model: "nonsense" })),
  unknownModelStreamed: await failure(() =>
    client.messages.stream({ ...options, model: "nonsense" }).finalMessage(),
  ),
  noMessages: await failure(() => client.post("/v1/messages", { body: { model } })),
};

console.log(JSON.stringify(found));
