// Leaves a stream of the official `openai` package for Node after three chunks, says so, and lives on.
import OpenAI from "openai";

const asked = JSON.parse(process.argv[2]);
const client = new OpenAI({ baseURL: asked.url, apiKey: "unused", maxRetries: 0 });
const stream = await client.chat.completions.create({
  model: asked.model,
  messages: asked.count,
  max_tokens: 1500,
  stream: true,
});
let chunks = 0;
for await (const _ of stream) {
  if (++chunks === 3) break; // leaving the loop aborts the request
}
console.log(JSON.stringify({ chunks }));
setInterval(() => {}, 1000);
