// Where a mark of a chart may lead: to this site, or to a page elsewhere over https, which learns nothing of this one.

interface Marked extends SVGElement {
  /** Vega's item behind an element. */
  __data__?: { href?: unknown; description?: unknown };
}

/** The attributes of an anchor to `address`; null for what no mark may lead to. */
export function makeLink(address: string): Record<string, string> | null {
  let url: URL;
  try {
    url = new URL(address, location.href);
  } catch {
    return null;
  }
  if (url.origin === location.origin) return { href: url.href };
  return url.protocol === "https:" ? { href: url.href, target: "_blank", rel: "noopener noreferrer" } : null;
}

/** Let the keyboard reach marks that lead somewhere, and Enter follow them. */
export function openLinks(parent: HTMLElement): void {
  for (const mark of parent.querySelectorAll<Marked>("svg [class*=role-mark] *")) {
    const address = findAddress(mark);
    if (address === null || !makeLink(address)) continue;
    mark.setAttribute("tabindex", "0");
    mark.setAttribute("role", "link");
    if (!mark.hasAttribute("aria-label")) mark.setAttribute("aria-label", address);
    mark.addEventListener("keydown", (event) => {
      if (event.key === "Enter") follow(findAddress(mark));
    });
  }
}

function findAddress(mark: Marked): string | null {
  const address = mark.__data__?.href;
  return typeof address === "string" && address ? address : null;
}

function follow(address: string | null): void {
  const attributes = address === null ? null : makeLink(address);
  if (!attributes) return;
  const anchor = document.createElement("a");
  for (const [name, value] of Object.entries(attributes)) anchor.setAttribute(name, value);
  anchor.click();
}
