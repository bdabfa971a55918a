// The public API: the envelope, errors as exceptions, the CSRF token, and the way to sign in.

export interface Problem {
  code: string;
  message: string;
  remediation: string;
  trace_id?: string;
  details?: unknown[];
}

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly problem: Problem,
    /** What came beside the error: a refused plan still says what is wrong. */
    readonly data: unknown = null,
  ) {
    super(problem.message);
  }
}

/** What went wrong and what to do about it, in words. */
export function describeError(error: unknown): string {
  return error instanceof ApiError ? `${error.message} ${error.problem.remediation}` : String(error);
}

export interface Session {
  email: string;
  display_name: string;
  role: "viewer" | "editor" | "admin";
  session_id: string | null;
  csrf_token: string | null;
}

let session: Promise<Session> | undefined;

/** Who is signed in; asked once per page. */
export function getSession(): Promise<Session> {
  session ??= get<Session>("/auth/session");
  return session;
}

/** Who is signed in, or null: pages that anybody may read do not send visitors to sign in. */
export async function findSession(): Promise<Session | null> {
  const response = await fetch("/auth/session", { headers: { Accept: "application/json" } });
  if (!response.ok) return null;
  session = readEnvelope<Session>(response);
  return session;
}

export async function get<T>(path: string): Promise<T> {
  return (await getWithHeaders<T>(path)).data;
}

export async function getWithHeaders<T>(path: string): Promise<{ data: T; headers: Headers }> {
  const response = await read(path, "application/json");
  return { data: await readEnvelope<T>(response), headers: response.headers };
}

export async function post<T>(path: string, body: unknown): Promise<T> {
  return readEnvelope<T>(await send("POST", path, body, "application/json"));
}

/** An answer that is a file. */
export async function getFile(path: string, accept: string): Promise<Blob> {
  const response = await read(path, accept);
  if (!response.ok) await readEnvelope(response);
  return response.blob();
}

/** DELETE and POST calls without an answer. */
export async function command(method: "POST" | "DELETE", path: string): Promise<void> {
  const response = await send(method, path, undefined, "application/json");
  if (!response.ok) await readEnvelope(response);
}

/** Each line of an NDJSON answer, as it arrives. */
export async function* stream<T>(path: string, body: unknown): AsyncGenerator<T> {
  const response = await send("POST", path, body, "application/x-ndjson");
  if (!response.ok || !response.body) {
    await readEnvelope(response);
    return;
  }
  let rest = "";
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    const lines = (rest + part.value).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line) yield JSON.parse(line) as T;
  }
  if (rest) yield JSON.parse(rest) as T;
}

async function send(method: string, path: string, body: unknown, accept: string): Promise<Response> {
  const { csrf_token } = await getSession();
  const headers: Record<string, string> = { Accept: accept };
  if (csrf_token) headers["X-CSRF-Token"] = csrf_token;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  return call(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
}

const ATTEMPTS = 3;
const PAUSE_MS = 400;
const LONGEST_PAUSE_MS = 10_000;

/** A GET, tried again while what stands before the service has nobody to pass it on to. */
async function read(path: string, accept: string): Promise<Response> {
  for (let attempt = 1; ; attempt++) {
    const response = await call(path, { headers: { Accept: accept } });
    const pause = secondsToWait(response);
    const wait = pause === null ? PAUSE_MS * attempt : pause * 1000;
    if (!isBusy(response) || attempt === ATTEMPTS || wait > LONGEST_PAUSE_MS) return response;
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}

/** True for a front end's own page in place of an answer: Google's, or another's. The service itself says JSON. */
function isBusy(response: Response): boolean {
  const isOurs = response.headers.get("Content-Type")?.startsWith("application/json");
  return [429, 502, 503, 504].includes(response.status) && !isOurs;
}

function secondsToWait(response: Response): number | null {
  const given = response.headers.get("Retry-After");
  return given !== null && /^\d{1,6}$/.test(given) ? Number(given) : null;
}

async function call(path: string, options: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, { credentials: "same-origin", ...options });
  } catch {
    throw new ApiError(0, {
      code: "UNREACHABLE",
      message: "The service cannot be reached.",
      remediation: "Check your connection and try again.",
    });
  }
  if (response.status === 401) return signIn();
  return response;
}

/** Leave for the sign-in page; it brings the visitor back here. */
function signIn(): Promise<never> {
  const here = location.pathname + location.search;
  location.assign(`/auth/login?return_to=${encodeURIComponent(here)}`);
  return new Promise(() => undefined);
}

async function readEnvelope<T>(response: Response): Promise<T> {
  if (isBusy(response)) {
    const seconds = secondsToWait(response);
    throw new ApiError(response.status, {
      code: "BUSY",
      message: "The service is busy.",
      remediation: seconds === null ? "Try again in a moment." : `Try again in ${seconds} seconds.`,
    });
  }
  let body: { success: boolean; data: T; error: Problem | null };
  try {
    body = await response.json();
  } catch {
    throw new ApiError(response.status, {
      code: "INVALID_ANSWER",
      message: `The service answered ${response.status} with something that is not JSON.`,
      remediation: "Try again; report it when it stays.",
    });
  }
  if (!body.success && body.error) throw new ApiError(response.status, body.error, body.data);
  return body.data;
}
