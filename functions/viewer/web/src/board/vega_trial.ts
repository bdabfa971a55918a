// A chart that nothing proves to be cheap runs first in a worker, which is ended where it comes to no end.
import type { Row } from "./rows";
import type { Trial, Verdict } from "./trial_message";
import workerAddress from "./vega_trial_worker.ts?worker&url";

const LIMIT_MILLISECONDS = 2_000;
/** For the worker to be fetched and started, which says nothing of a chart. */
const START_MILLISECONDS = 20_000;
/** More than this is slow to lay out for a browser, whatever made it. */
const MOST_MARKS = 50_000;

interface TrustedTypes {
  createPolicy(name: string, rules: { createScriptURL(address: string): string }): { createScriptURL(address: string): string };
}

let worker: Promise<Worker> | null = null;
let last: Promise<unknown> = Promise.resolve();
/** The rows that a spec was tried with. */
const tried = new WeakMap<object, Row[]>();

/** Returns when the page may draw it; throws why it may not. `key` is the chart, by which what was tried is known. */
export async function tryFirst(key: object, trial: Trial): Promise<void> {
  if (tried.get(key)?.length === trial.rows.length) return;
  const turn = last.then(() => runTrial(trial));
  last = turn.catch(() => undefined);
  const { marks = 0, reason } = await turn;
  if (reason !== undefined) throw new Error(reason);
  if (marks > MOST_MARKS + 2 * trial.rows.length) throw new Error(`it draws ${marks} marks; at most ${MOST_MARKS} are drawn.`);
  tried.set(key, trial.rows);
}

async function runTrial(trial: Trial): Promise<Verdict> {
  const running = await (worker ??= startWorker());
  try {
    return await waitFor(running, LIMIT_MILLISECONDS, `it takes longer than ${LIMIT_MILLISECONDS / 1000} seconds.`, () => running.postMessage(trial));
  } catch (error) {
    running.terminate();
    worker = null;
    throw error;
  }
}

async function startWorker(): Promise<Worker> {
  const started = new Worker(trustAddress(), { type: "module" });
  try {
    await waitFor(started, START_MILLISECONDS, "what would try it first did not start.");
    return started;
  } catch (error) {
    started.terminate();
    worker = null;
    throw error;
  }
}

let address: string | null = null;

/** The one address that the policy of the pages lets code come from by name: a browser that knows no such policies needs none. */
function trustAddress(): string {
  const { trustedTypes } = window as { trustedTypes?: TrustedTypes };
  return (address ??= trustedTypes?.createPolicy("chart-trial", { createScriptURL: () => workerAddress }).createScriptURL("") ?? workerAddress);
}

function waitFor(from: Worker, milliseconds: number, late: string, begin?: () => void): Promise<Verdict> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(late)), milliseconds);
    from.onmessage = ({ data }: MessageEvent<Verdict>) => {
      clearTimeout(timer);
      resolve(data);
    };
    from.onerror = (event) => {
      clearTimeout(timer);
      reject(new Error(event.message || late));
    };
    begin?.();
  });
}
