// Bytes, dollars, times and counts as people read them.
const BYTE_UNITS = ["B", "kB", "MB", "GB", "TB", "PB"];
const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
];
const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const COUNT = new Intl.NumberFormat("en");
const CENTS = new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const LESS_THAN_CENTS = new Intl.NumberFormat("en", { maximumSignificantDigits: 2 });

/** How exact BigQuery says a count of bytes is. */
export type Accuracy = "PRECISE" | "LOWER_BOUND" | "UPPER_BOUND" | "UNKNOWN";

/** Bytes that BigQuery may not tell (null), or only the least of. */
export function formatBytes(bytes: number | null, accuracy: Accuracy = "PRECISE"): string {
  if (bytes === null) return "an unknown number of bytes";
  const size = formatSize(bytes);
  return accuracy === "LOWER_BOUND" || accuracy === "UNKNOWN" ? `at least ${size}` : size;
}

function formatSize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < BYTE_UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(value < 10 ? 1 : 0)} ${BYTE_UNITS[unit]}`;
}

/** A decimal string in dollars; small amounts keep two significant digits. */
export function formatDollars(amount: string | null): string {
  if (amount === null) return "–"; // unknown bytes, or slots: bytes have no price then
  const value = Number(amount);
  if (value === 0) return "$0";
  return `$${(value >= 0.01 ? CENTS : LESS_THAN_CENTS).format(value)}`;
}

export function formatAgo(moment: string, now: number = Date.now()): string {
  const seconds = (Date.parse(moment) - now) / 1000;
  for (const [unit, size] of UNITS) {
    if (Math.abs(seconds) >= size) return RELATIVE.format(Math.round(seconds / size), unit);
  }
  return "just now";
}

/** A moment in the reader's own time zone. */
export function formatMoment(moment: string): string {
  return new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short" }).format(new Date(moment));
}

export function plural(count: number, one: string, many: string = `${one}s`): string {
  return `${COUNT.format(count)} ${count === 1 ? one : many}`;
}
