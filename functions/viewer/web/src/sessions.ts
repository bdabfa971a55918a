// GET /sessions: where this account is signed in, and how to end it.
import "./styles/list.css";
import { command, get } from "./api";
import { byId, h, replace } from "./dom";
import { formatAgo, formatMoment, plural } from "./format";
import { announce, openPage, runPage, showError } from "./page";

interface SessionSummary {
  id: string;
  created_at: string;
  last_used_at: string;
  expires_at: string;
  user_agent: string | null;
  ip: string | null;
  current: boolean;
}

runPage(async () => {
  const who = await openPage();
  const list = h("ul", { class: "sessions" });
  const others = h("button", { class: "button", hidden: true, onclick: () => void endOthers(list) }, "End all others");
  replace(
    byId("main"),
    h("div", { class: "list-head" }, h("h1", {}, "Your sessions"), others),
    h("p", { class: "muted" }, `${who.email} · ${who.role}. A session that you end here stops working within a minute.`),
    list,
  );
  await load(list);
});

/** One's own first, then the one used last. */
async function read(): Promise<SessionSummary[]> {
  const { results } = await get<{ results: SessionSummary[] }>("/auth/sessions");
  return results.sort((one, other) => Number(other.current) - Number(one.current) || other.last_used_at.localeCompare(one.last_used_at));
}

async function load(list: HTMLElement): Promise<void> {
  const sessions = await read();
  replace(list, ...sessions.map((one) => drawSession(one, list)));
  // Without an own one (a bearer token) nobody could say which are the others.
  const others = byId("main").querySelector<HTMLElement>(".list-head .button");
  if (others) others.hidden = sessions.length < 2 || !sessions[0]?.current;
}

async function endOthers(list: HTMLElement): Promise<void> {
  try {
    const others = (await read()).filter(({ current }) => !current);
    await Promise.all(others.map(({ id }) => command("DELETE", `/auth/sessions/${id}`)));
    announce(`${plural(others.length, "other session")} ended`);
    await load(list);
  } catch (error) {
    showError(list, error);
  }
}

function drawSession(one: SessionSummary, list: HTMLElement): HTMLElement {
  const agent = describeAgent(one.user_agent);
  const end = async () => {
    try {
      await command("DELETE", `/auth/sessions/${one.id}`);
      announce(`The session on ${agent} is ended`);
      if (one.current) location.assign("/signed-out");
      else await load(list);
    } catch (error) {
      showError(list, error);
    }
  };
  return h(
    "li",
    { class: "card", "data-session": one.id },
    h("div", {}, h("strong", {}, agent), one.current && h("span", { class: "badge" }, "this one"), h("p", { class: "muted small" }, one.ip ?? "")),
    h("p", { class: "muted small" }, `Used ${formatAgo(one.last_used_at)}; began ${formatMoment(one.created_at)}; ends ${formatMoment(one.expires_at)}`),
    h("button", { class: "button", onclick: () => void end(), "aria-label": `End the session on ${agent}` }, one.current ? "Sign out here" : "End"),
  );
}

/** Most say that they are other browsers as well: the first of these is the one. */
const BROWSERS: [string, RegExp][] = [
  ["Opera", /OPR\/(\d+)/],
  ["Edge", /Edg[A-Za-z]*\/(\d+)/],
  ["Firefox", /(?:Firefox|FxiOS)\/(\d+)/],
  ["Chrome", /(?:Chrome|CriOS)\/(\d+)/],
  ["Safari", /Version\/(\d+).*Safari\//],
];

function describeAgent(text: string | null): string {
  if (!text) return "Unknown browser";
  const [browser] = BROWSERS.flatMap(([name, pattern]) => {
    const version = pattern.exec(text)?.[1];
    return version ? [`${name} ${version}`] : [];
  });
  const system = /Windows|Android|iPhone|iPad|Macintosh|Linux/.exec(text)?.[0];
  return [browser ?? text.slice(0, 40), system?.replace("Macintosh", "macOS")].filter(Boolean).join(" on ");
}
