/** The slug in `/view/{slug}…`. */
export function readSlug(): string {
  return location.pathname.split("/")[2] ?? "";
}
