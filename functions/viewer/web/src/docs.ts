// GET /docs: the API, from /openapi.json.
import "swagger-ui-dist/swagger-ui.css";
import "./styles/docs.css";
import SwaggerUI from "swagger-ui-dist/swagger-ui-es-bundle.js";
import { getSession } from "./api";
import { byId, h, replace } from "./dom";
import { isDark, openPublicPage, runPage } from "./page";

interface Outgoing {
  method?: string;
  headers: Record<string, string>;
}

runPage(async () => {
  replace(byId("main"), h("h1", { class: "visually-hidden" }, "API"), h("div", { id: "swagger" }));
  const session = openPublicPage();
  followTheme();
  labelControls(byId("swagger"));
  SwaggerUI({
    dom_id: "#swagger",
    url: "/openapi.json",
    deepLinking: true,
    defaultModelsExpandDepth: 0,
    docExpansion: "list",
    validatorUrl: null,
    syntaxHighlight: { theme: "tomorrow-night" }, // the others write numbers or words like true too dark to read
    plugins: [writeNamesAsText],
    requestInterceptor: addCsrfToken,
  });
  await session;
});

interface SwaggerSystem {
  React: { createElement: (tag: string, attributes: object, text: string) => unknown };
}

/** Names of calls stand in buttons, where the links that Swagger UI makes of them cannot be reached by keyboard. */
function writeNamesAsText(): object {
  const drawText = (_original: unknown, { React }: SwaggerSystem) => ({ text }: { text: string }) => React.createElement("span", {}, text);
  return { wrapComponents: { DeepLink: drawText } };
}

/** Swagger UI's own dark colours hang on a class of the root. */
function followTheme(): void {
  const apply = () => document.documentElement.classList.toggle("dark-mode", isDark());
  document.addEventListener("themechange", apply);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", apply);
  apply();
}

/** Fields without a name, and boxes that scroll, which the keyboard must reach to scroll them. */
const LABELS: Record<string, string> = {
  "textarea.body-param__text": "Body of the request",
  ".examples-select-element": "Example",
  ".content-type": "Content type",
  "pre.microlight, pre.curl, .highlight-code pre": "Code",
};

/** Most of these are drawn inside components that pass no attribute on, so that no plugin can name them. */
function labelControls(parent: HTMLElement): void {
  const label = () => {
    for (const [selector, text] of Object.entries(LABELS)) {
      for (const element of parent.querySelectorAll<HTMLElement>(selector)) labelControl(element, text);
    }
  };
  new MutationObserver(label).observe(parent, { childList: true, subtree: true });
}

function labelControl(element: HTMLElement, text: string): void {
  if (!element.hasAttribute("aria-label")) element.setAttribute("aria-label", text);
  if (element.matches("select, textarea, [tabindex]")) return;
  element.setAttribute("role", "region");
  element.tabIndex = 0;
}

/** "Try it out" acts as the visitor: calls that change something carry the session's token. */
async function addCsrfToken(request: Outgoing): Promise<Outgoing> {
  if (!["GET", "HEAD"].includes((request.method ?? "GET").toUpperCase())) {
    const { csrf_token } = await getSession();
    if (csrf_token) request.headers["X-CSRF-Token"] = csrf_token;
  }
  return request;
}
