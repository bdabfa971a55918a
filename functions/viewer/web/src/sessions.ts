// GET /sessions: where this account is signed in, and how to end it.
import "./styles/list.css";
import { command, get } from "./api";
import { byId, h, replace } from "./dom";
import { formatAgo, formatMoment } from "./format";
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
  replace(
    byId("main"),
    h("h1", {}, "Your sessions"),
    h("p", { class: "muted" }, `${who.email} · ${who.role}. A session that you end here stops working within a minute.`),
    list,
  );
  await load(list);
});

async function load(list: HTMLElement): Promise<void> {
  const { results } = await get<{ results: SessionSummary[] }>("/auth/sessions");
  replace(list, ...results.map((one) => drawSession(one, list)));
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
    { class: "card" },
    h("div", {}, h("strong", {}, agent), one.current && h("span", { class: "badge" }, "this one"), h("p", { class: "muted small" }, one.ip ?? "")),
    h("p", { class: "muted small" }, `Used ${formatAgo(one.last_used_at)}; began ${formatMoment(one.created_at)}; ends ${formatMoment(one.expires_at)}`),
    h("button", { class: "button", onclick: () => void end(), "aria-label": `End the session on ${agent}` }, one.current ? "Sign out here" : "End"),
  );
}

function describeAgent(text: string | null): string {
  if (!text) return "Unknown browser";
  const browser = /(Firefox|Edg|OPR|Chrome|Safari)\//.exec(text)?.[1] ?? text.slice(0, 40);
  const system = /(Windows|Macintosh|Android|iPhone|iPad|Linux)/.exec(text)?.[1];
  return [browser.replace("Edg", "Edge").replace("OPR", "Opera"), system].filter(Boolean).join(" on ");
}
