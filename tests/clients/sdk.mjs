// `node sdk.mjs SDK SCENARIO ARGUMENTS` runs one scenario with an SDK, and prints its result as JSON.
const [sdk, scenario, given] = process.argv.slice(2);
const { Client } = await import(sdk);
const client = new Client({ apiUrl: process.env.STUDIO_URL, apiKey: process.env.STUDIO_KEY });
const GOAT = "goat";
const said = (text) => ({ messages: [{ role: "user", content: text }] });
const begin = async () => (await client.threads.create({ graphId: GOAT })).thread_id;
const values = async (thread) => (await client.threads.getState(thread)).values;

// Collects the text of each message by its id, until it has a word.
async function listen(thread, text, word, streamMode = ["messages-tuple", "values", "updates"]) {
  const heard = {};
  let run;
  for await (const { event, data } of client.runs.stream(thread, GOAT, { input: said(text), streamMode })) {
    if (event === "metadata") run = data.run_id;
    if (event === "error") throw new Error(JSON.stringify(data));
    if (event !== "messages") continue;
    const [{ id, content }] = data;
    heard[id] = (heard[id] ?? "") + content;
    if (word && heard[id].includes(word)) return { heard, run };
  }
  return { heard, run };
}

const scenarios = {
  async stream({ text }) {
    const thread = await begin();
    const { heard } = await listen(thread, text);
    return { heard, messages: (await values(thread)).messages };
  },
  async stop({ text, word, next }) {
    const thread = await begin();
    const { heard, run } = await listen(thread, text, word);
    await client.runs.cancel(thread, run, true);
    return { heard, status: (await client.runs.get(thread, run)).status, thread };
  },
  async say({ thread, text }) {
    return await client.runs.wait(thread, GOAT, { input: said(text) });
  },
  async approve({ text, answer }) {
    const thread = await begin();
    await client.runs.wait(thread, GOAT, { input: said(text) });
    const { tasks } = await client.threads.getState(thread);
    const state = await client.runs.wait(thread, GOAT, { command: { resume: answer } });
    return { asked: tasks.flatMap((task) => task.interrupts.map((one) => one.value)), state };
  },
  async fork({ text, node, context }) {
    const thread = await begin();
    const first = await client.runs.wait(thread, GOAT, { input: said(text) });
    const history = await client.threads.getHistory(thread, { limit: 40 });
    const { checkpoint } = history.find((step) => step.next.includes(node));
    const options = { input: null, checkpointId: checkpoint.checkpoint_id, context };
    return { first, forked: await client.runs.wait(thread, GOAT, options) };
  },
  async resume({ text, node }) {
    const thread = await begin();
    await client.runs.wait(thread, GOAT, { input: said(text), interruptBefore: [node] });
    const { next } = await client.threads.getState(thread);
    return { next, state: await client.runs.wait(thread, GOAT, { input: null }) };
  },
};

console.log(JSON.stringify(await scenarios[scenario](JSON.parse(given))));
