// Uses assistants, threads, messages, runs and run steps through the unmodified official client.
import assert from 'node:assert/strict';
import OpenAI from 'openai';

const client = new OpenAI();
const { assistants, threads } = client.beta;
const add = { type: 'function', function: { name: 'add', parameters: { type: 'object' } } };

async function crud() {
  const made = await assistants.create({ model: 'scripted', name: 'Ada', tools: [add], metadata: { k: 'v' } });
  assert.match(made.id, /^asst_/);
  assert.deepEqual(await assistants.retrieve(made.id), made);
  assert.equal((await assistants.update(made.id, { name: 'Grace' })).name, 'Grace');
  assert.equal((await assistants.delete(made.id)).deleted, true);
  await assert.rejects(assistants.retrieve(made.id), (error) => error.status === 404 && Boolean(error.requestID));
  await assert.rejects(assistants.create({ model: 'm', name: 'n'.repeat(257) }), { status: 400, param: 'name' });
}

async function paging() {
  const ids = [];
  for (let made = 0; made < 5; made += 1) ids.push((await assistants.create({ model: 'scripted' })).id);
  const walked = [];
  for await (const one of assistants.list({ limit: 2, order: 'asc' })) walked.push(one.id);
  assert.deepEqual(walked, ids);
  for (const id of ids) await assistants.delete(id);
}

async function streaming(assistant) {
  const thread = await threads.create({ messages: [{ role: 'user', content: 'repeat 20' }] });
  let text = '';
  const told = [];
  const stream = threads.runs
    .stream(thread.id, { assistant_id: assistant.id })
    .on('textCreated', () => told.push('text'))
    .on('textDelta', (delta, snapshot) => {
      text += delta.value;
      assert.equal(snapshot.value, text);
    })
    .on('textDone', () => told.push('text done'))
    .on('end', () => told.push('end'));
  assert.equal((await stream.finalRun()).status, 'completed');
  assert.equal(text.trim().split(/\s+/).length, 20);
  assert.deepEqual(told, ['text', 'text done', 'end']);
  assert.equal((await stream.finalRunSteps()).length, 1);
}

async function toolLoop(assistant) {
  const thread = await threads.create({ messages: [{ role: 'user', content: 'call add {"a":1,"b":2}' }] });
  const run = await threads.runs.createAndPoll(thread.id, { assistant_id: assistant.id });
  assert.equal(run.status, 'requires_action');
  const calls = run.required_action.submit_tool_outputs.tool_calls;
  const tool_outputs = calls.map((call) => {
    const { a, b } = JSON.parse(call.function.arguments);
    return { tool_call_id: call.id, output: String(a + b) };
  });
  const stream = threads.runs.submitToolOutputsStream(run.id, { thread_id: thread.id, tool_outputs });
  const [message] = await stream.finalMessages();
  assert.match(message.content[0].text.value, /3/);
  const steps = [];
  for await (const step of threads.runs.steps.list(run.id, { thread_id: thread.id })) steps.push(step.type);
  assert.deepEqual(steps.sort(), ['message_creation', 'tool_calls']);
  await assert.rejects(
    threads.runs.submitToolOutputs(run.id, { thread_id: thread.id, tool_outputs }),
    (error) => error.status === 400,
  );
}

await crud();
await paging();
const assistant = await assistants.create({ model: 'scripted', tools: [add] });
await streaming(assistant);
await toolLoop(assistant);
await assistants.delete(assistant.id); // The scripts share a server: each cleans up.
console.log('openai for JavaScript: assistants, threads, messages, runs, steps, streams and tools work');
