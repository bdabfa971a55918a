// GET /docs: the API, from /openapi.json.
import "swagger-ui-dist/swagger-ui.css";
import "./styles/docs.css";
import SwaggerUI from "swagger-ui-dist/swagger-ui-es-bundle.js";
import { getSession } from "./api";
import { byId, h, replace } from "./dom";
import { openPublicPage, runPage } from "./page";

interface Outgoing {
  method?: string;
  headers: Record<string, string>;
}

runPage(async () => {
  replace(byId("main"), h("h1", { class: "visually-hidden" }, "API"), h("div", { id: "swagger" }));
  const session = openPublicPage();
  SwaggerUI({
    dom_id: "#swagger",
    url: "/openapi.json",
    deepLinking: true,
    defaultModelsExpandDepth: 0,
    docExpansion: "list",
    validatorUrl: null,
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

/** "Try it out" acts as the visitor: calls that change something carry the session's token. */
async function addCsrfToken(request: Outgoing): Promise<Outgoing> {
  if (!["GET", "HEAD"].includes((request.method ?? "GET").toUpperCase())) {
    const { csrf_token } = await getSession();
    if (csrf_token) request.headers["X-CSRF-Token"] = csrf_token;
  }
  return request;
}
