// Work that is not saved yet, kept by the browser's tab: signing in again or reloading loses nothing.

export interface Draft {
  yaml: string;
  files: Record<string, string>;
  /** The version that the text began from; 0 for a new dashboard. */
  baseVersion: number;
}

const name = (slug: string) => `draft:${slug}`;

export function readDraft(slug: string): Draft | null {
  const text = sessionStorage.getItem(name(slug));
  return text === null ? null : (JSON.parse(text) as Draft);
}

export function writeDraft(slug: string, draft: Draft): void {
  sessionStorage.setItem(name(slug), JSON.stringify(draft));
}

export function dropDraft(slug: string): void {
  sessionStorage.removeItem(name(slug));
}

export function sameText(a: Omit<Draft, "baseVersion">, b: Omit<Draft, "baseVersion">): boolean {
  return a.yaml === b.yaml && JSON.stringify(Object.entries(a.files).sort()) === JSON.stringify(Object.entries(b.files).sort());
}
