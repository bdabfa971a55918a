// The one time zone that moments are shown in. A DATE and a DATETIME have none: they are drawn as they are written.

/** Zones change their offset at whole quarters of an hour, from 1970 on. */
const STEP_MILLISECONDS = 900_000;
const OFFSET = /GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?/;

let zone = "UTC";
let offsets = new Map<number, number>();
let abbreviations = new Map<number, string>();
let inOffsets = nameZone("longOffset");
let inWords = nameZone("short");

function nameZone(timeZoneName: "longOffset" | "short"): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat("en-US", { timeZone: zone, timeZoneName });
}

/** Show moments in `name` from now on; a name that the browser does not know leaves UTC. */
export function setTimeZone(name: string): void {
  zone = isTimeZone(name) ? name : "UTC";
  offsets = new Map();
  abbreviations = new Map();
  inOffsets = nameZone("longOffset");
  inWords = nameZone("short");
}

export function readTimeZone(): string {
  return zone;
}

export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en-US", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** What the clocks of the zone show at a moment, as milliseconds since 1970 on a clock that knows no zones. */
export function toWallClock(moment: number): number {
  return zone === "UTC" ? moment : moment + remember(offsets, moment, findOffset);
}

/** What the zone is called at a moment: EST or EDT, GMT+9, UTC. */
export function abbreviateZone(moment: number): string {
  return zone === "UTC" ? zone : remember(abbreviations, moment, (at) => findName(inWords, at));
}

/** A moment as BigQuery's ISO 8601 in UTC, as what the clocks of the zone show: every digit, and no zone. */
export function toClockText(text: string): string {
  const moment = Date.parse(text);
  if (Number.isNaN(moment)) return text;
  const fraction = /\.\d+/.exec(text)?.[0] ?? "";
  return new Date(toWallClock(moment)).toISOString().replace("T", " ").replace(/\.\d+Z$/, fraction);
}

/** The same moment with the offset of the zone, in ISO 8601; in UTC where the zone's clocks show no year of four digits. */
export function toOffsetText(text: string): string {
  const moment = Date.parse(text);
  if (zone === "UTC" || Number.isNaN(moment)) return text;
  const offset = findName(inOffsets, moment).replace("GMT", "") || "+00:00";
  const clock = toClockText(text);
  return /^(?!0000)\d{4}-/.test(clock) ? clock.replace(" ", "T") + offset : text;
}

function remember<T>(known: Map<number, T>, moment: number, find: (moment: number) => T): T {
  if (moment < 0) return find(moment); // local mean time changed at any second
  const step = Math.floor(moment / STEP_MILLISECONDS);
  let found = known.get(step);
  if (found === undefined) known.set(step, (found = find(moment)));
  return found;
}

function findOffset(moment: number): number {
  const [, sign, hours, minutes, seconds] = OFFSET.exec(findName(inOffsets, moment)) ?? [];
  const size = Number(hours ?? 0) * 3600 + Number(minutes ?? 0) * 60 + Number(seconds ?? 0);
  return (sign === "-" ? -size : size) * 1000;
}

function findName(format: Intl.DateTimeFormat, moment: number): string {
  return format.formatToParts(moment).find(({ type }) => type === "timeZoneName")?.value ?? zone;
}
