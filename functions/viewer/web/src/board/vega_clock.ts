// Vega keeps the reader's own time. Here it keeps none: what it is given is what the clocks of the dashboard's zone show,
// counted as if in UTC, so that every hour and day is there once and no date moves, wherever the page is read.
import { defaultLocale, expressionFunction, type LocaleFormatters, type Spec } from "vega";

declare module "vega" {
  // Exported, and missing in its types.
  export function defaultLocale(): LocaleFormatters;
}

const BY_UTC_NAME: Record<string, string> = {
  date: "utcdate", day: "utcday", dayofyear: "utcdayofyear", hours: "utchours", isoweek: "utcisoweek", milliseconds: "utcmilliseconds",
  minutes: "utcminutes", month: "utcmonth", quarter: "utcquarter", seconds: "utcseconds", timeOffset: "utcOffset", timeSequence: "utcSequence",
  week: "utcweek", year: "utcyear",
};
const READERS: Record<string, (moment: Date) => number> = {
  utcdate: (moment) => moment.getUTCDate(),
  utcday: (moment) => moment.getUTCDay(),
  utchours: (moment) => moment.getUTCHours(),
  utcmilliseconds: (moment) => moment.getUTCMilliseconds(),
  utcminutes: (moment) => moment.getUTCMinutes(),
  utcmonth: (moment) => moment.getUTCMonth(),
  utcseconds: (moment) => moment.getUTCSeconds(),
  utcyear: (moment) => moment.getUTCFullYear(),
};
const MONTHS = { monthFormat: "%B", monthAbbrevFormat: "%b" };
const DAYS = { dayFormat: "%A", dayAbbrevFormat: "%a" };

const own = defaultLocale();

/** For a View: local time is written as UTC is. */
export const LOCALE = { ...own, timeFormat: own.utcFormat, timeParse: own.utcParse };

/** The functions of expressions that read a clock, by another clock. */
export function replaceClock(): void {
  for (const [local, utc] of Object.entries(BY_UTC_NAME)) {
    const read = READERS[utc];
    expressionFunction(local, read ? (value: unknown) => read(toMoment(value)) : expressionFunction(utc));
  }
  expressionFunction("datetime", makeMoment);
  expressionFunction("timezoneoffset", () => 0);
  for (const [name, pattern] of Object.entries(MONTHS)) expressionFunction(name, (month: number) => own.utcFormat(pattern)(new Date(Date.UTC(2000, month, 1))));
  for (const [name, pattern] of Object.entries(DAYS)) expressionFunction(name, (day: number) => own.utcFormat(pattern)(new Date(Date.UTC(2000, 0, 2 + day))));
}

/** A compiled spec whose scales and units of time are those of UTC. */
export function useUtc(spec: Spec): Spec {
  visit(spec);
  return spec;
}

function visit(value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  if (!Array.isArray(value)) {
    const part = value as Record<string, unknown>;
    if (part.type === "timeunit") part.timezone = "utc";
    if (part.type === "time" && "domain" in part) part.type = "utc";
  }
  Object.values(value).forEach(visit);
}

function makeMoment(year: number | string, month = 0, day = 1, hours = 0, minutes = 0, seconds = 0, milliseconds = 0): Date {
  return typeof year === "string" ? toMoment(year) : new Date(Date.UTC(year, month, day, hours, minutes, seconds, milliseconds));
}

function toMoment(value: unknown): Date {
  return new Date(typeof value === "string" && /T[\d:.]+$/.test(value) ? `${value}Z` : (value as number));
}
