// Vercel's AI SDK. argv[2] is a JSON object that says whom to ask what. Prints one JSON object.
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { embedMany, generateText, jsonSchema, Output, streamText, tool } from "ai";
import { z } from "zod";

const asked = JSON.parse(process.argv[2]);
const rocket = createOpenAICompatible({
  name: "rocket",
  baseURL: asked.url,
  includeUsage: true,
  supportsStructuredOutputs: true,
});
const common = { temperature: 0, maxRetries: 0 };
const options = {
  ...common,
  model: rocket(asked.model),
  messages: asked.question,
  maxOutputTokens: 12,
};
const found = {};

const whole = await generateText(options);
found.text = whole.text;
found.backend = whole.response.headers["x-rocket-backend"];
found.usage = [whole.usage.outputTokens];

const stream = streamText(options);
found.streamed = "";
for await (const piece of stream.textStream) found.streamed += piece;
found.usage.push((await stream.usage).outputTokens);
found.finishReason = await stream.finishReason;

const structured = await generateText({
  ...options,
  maxOutputTokens: 80,
  output: Output.object({
    schema: z.object({
      name: z.enum(["Paris", "Rome"]),
      country: z.enum(["France", "Italy"]),
      capital: z.boolean(),
    }),
  }),
});
found.city = structured.output;

// Ollama is made to call by a schema of the answer, which this package does not let stand beside
// tools: there is nothing to force it with.
if (asked.forced.tool_choice) {
  const calling = {
    ...common,
    model: rocket(asked.forced.model),
    messages: asked.weather,
    maxOutputTokens: 64,
    toolChoice: "required",
    tools: {
      weather: tool({
        description: asked.tool.function.description,
        inputSchema: jsonSchema(asked.tool.function.parameters),
      }),
    },
  };
  found.called = [(await generateText(calling)).toolCalls, await streamText(calling).toolCalls];
}

if (asked.embeddingModel) {
  const vectors = await embedMany({
    model: rocket.embeddingModel(asked.embeddingModel),
    values: ["a", "b"],
    maxRetries: 0,
  });
  found.vectors = vectors.embeddings.map((each) => each.length);
}

try {
  await generateText({ ...options, model: rocket("nonsense") });
} catch (error) {
  found.unknownModel = [error.name, error.statusCode, error.message];
}
console.log(JSON.stringify(found));
