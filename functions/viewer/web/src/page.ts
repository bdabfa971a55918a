// The frame of every page: the bar at the top, the theme, messages for what is empty or went wrong.
import { ApiError, command, findSession, getSession, type Session } from "./api";
import { byId, h, replace, type Child } from "./dom";
import { drawIcon } from "./icons";
import { explainError } from "./problem_words";

const LINKS: [string, string][] = [
  ["/", "Dashboards"],
  ["/docs", "API"],
];

/** Draw the bar and answer who is signed in. */
export async function openPage(): Promise<Session> {
  applyTheme(localStorage.getItem("theme"));
  drawBar(null);
  const session = await getSession();
  drawBar(session);
  return session;
}

/** Run the page; what it throws is shown in place of the content. */
export function runPage(main: () => Promise<void>): void {
  main().catch((error: unknown) => showError(byId("main"), error));
}

/** A designed state: a title, an explanation, what to do next. */
export function showState(parent: Element, title: string, text: string, ...actions: Child[]): void {
  replace(
    parent,
    h("section", { class: "state" }, h("h1", {}, title), h("p", { class: "muted" }, text), h("p", { class: "state-actions" }, ...actions)),
  );
}

export function showError(parent: Element, error: unknown): void {
  if (!(error instanceof ApiError)) console.error(error);
  const { title, advice, trace, actions } = explainError(error);
  showState(parent, title, advice, ...actions);
  parent.firstElementChild?.setAttribute("role", "alert");
  if (trace) parent.firstElementChild?.append(h("p", { class: "trace" }, `Trace ${trace}`));
}

export function announce(text: string): void {
  let region = document.getElementById("announcer");
  if (!region) {
    region = h("div", { id: "announcer", class: "visually-hidden", role: "status" });
    document.body.append(region);
  }
  region.textContent = text;
}

/** The same for a page that anybody may read. */
export async function openPublicPage(): Promise<void> {
  applyTheme(localStorage.getItem("theme"));
  drawBar(null);
  const session = await findSession();
  drawBar(session);
  if (!session) byId("top").querySelector(".bar")?.append(h("a", { class: "button", href: `/auth/login?return_to=${encodeURIComponent(location.pathname)}` }, "Sign in"));
}

function drawBar(session: Session | null): void {
  const links = LINKS.map(([href, text]) =>
    h("a", { href, "aria-current": location.pathname === href ? "page" : null }, text),
  );
  replace(
    byId("top"),
    h(
      "div",
      { class: "bar" },
      h("a", { class: "brand", href: "/", "aria-label": "Almanac" }, drawIcon("mark"), h("span", { class: "wide-only" }, "Almanac")),
      h("nav", { "aria-label": "Main" }, ...links),
      h("span", { class: "grow" }),
      drawThemeButton(),
      session && drawWho(session.display_name || session.email),
      session?.session_id && h("button", { class: "quiet", title: "Sign out", onclick: signOut }, drawIcon("leave", "narrow-only"), h("span", { class: "wide-only" }, "Sign out")),
    ),
  );
}

function drawThemeButton(): HTMLElement {
  const other = isDark() ? "light" : "dark";
  const text = `Switch to ${other}`;
  return h("button", { class: "quiet", id: "theme", title: text, "aria-label": text, onclick: toggleTheme }, drawIcon(other === "light" ? "sun" : "moon"));
}

/** The name, or its initials where there is no room. */
function drawWho(name: string): HTMLElement {
  const initials = name.split(/[\s@.]+/).slice(0, 2).map((part) => part.charAt(0).toUpperCase()).join("");
  return h(
    "a",
    { class: "who", href: "/sessions", title: "Your sessions", "aria-label": `${name}, your sessions` },
    h("span", { class: "wide-only" }, name),
    h("span", { class: "initials narrow-only", "aria-hidden": "true" }, initials),
  );
}

async function signOut(): Promise<void> {
  await command("POST", "/auth/logout");
  location.assign("/signed-out");
}

function toggleTheme(): void {
  const next = isDark() ? "light" : "dark";
  localStorage.setItem("theme", next);
  applyTheme(next);
  const button = drawThemeButton();
  document.getElementById("theme")?.replaceWith(button);
  button.focus();
}

function applyTheme(theme: string | null): void {
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  document.dispatchEvent(new Event("themechange"));
}

export function isDark(): boolean {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}
