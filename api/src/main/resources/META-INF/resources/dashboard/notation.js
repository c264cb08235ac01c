// How numbers and times are written, by the rule in docs/glossary.md: the same as Notation.java, held to the same table.

/** In the place of a figure: there is none. */
export const NONE = '–';

const DECIMAL = ['', ' k', ' M', ' G', ' T', ' P'];
const BINARY = [' B', ' KiB', ' MiB', ' GiB', ' TiB'];
const LARGE = 1e4; // from here on means and ticks have a prefix
const MOST_DECIMALS = 6;
const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const isNumber = (value) => Number.isFinite(value);

/** What was measured, such as a distance or a loss, with four significant digits: 9.500. */
export const figure = (value) => significant(value, 4);

function significant(value, digits) {
  if (!isNumber(value)) return NONE;
  const size = Math.abs(value);
  if (size === 0) return '0';
  return size >= 1e6 || size < 1e-3 ? powerOfTen(value, digits) : plain(value, digits);
}

/** On an axis or in a sentence: as a figure, without zeros at its end, and 20 k for 20000. */
export const tick = (value) => withoutZeros(Math.abs(value) >= LARGE ? count(value) : figure(value));

/** What a spec or a claim says, as it was given: 1.8. */
export const given = (value) => String(value);

/** A mean and its deviation, both to the second digit of the latter: 9.10 ± 0.10. */
export function spread(mean, deviation) {
  const largest = Math.max(Math.abs(mean), deviation || 0);
  if (!(deviation > 0)) return largest >= LARGE ? count(mean) : figure(mean);
  const unit = largest >= LARGE ? unitOf(largest) : 0;
  const scale = 1000 ** unit;
  const decimals = Math.max(0, 1 - exponent(deviation / scale, 2));
  return decimals > MOST_DECIMALS
    ? `${figure(mean)} ± ${powerOfTen(deviation, 2)}`
    : `${(mean / scale).toFixed(decimals)} ± ${(deviation / scale).toFixed(decimals)}${DECIMAL[unit]}`;
}

/** Of parameters, multiply-accumulates or steps, with a decimal prefix: 64.4 M. */
export function count(value) {
  if (!isNumber(value)) return NONE;
  const unit = unitOf(value);
  return `${unit === 0 && Number.isInteger(value) ? value : plain(value / 1000 ** unit, 3)}${DECIMAL[unit]}`;
}

function unitOf(value) {
  let unit = 0;
  let scaled = Math.abs(value);
  while (Number(scaled.toPrecision(3)) >= 1000 && unit < DECIMAL.length - 1) {
    scaled /= 1000;
    unit++;
  }
  return unit;
}

/** With a binary prefix: 4.81 MiB. */
export function bytes(value) {
  if (!isNumber(value)) return NONE;
  let unit = 0;
  let scaled = value;
  while (Math.round(scaled) >= 1024 && unit < BINARY.length - 1) {
    scaled /= 1024;
    unit++;
  }
  return `${unit === 0 ? scaled.toFixed(0) : plain(scaled, 3)}${BINARY[unit]}`;
}

/** Of images or steps per second, which its name says: 8.30. */
export const rate = (perSecond) => significant(perSecond, 3);

/** How many times as much: 2.50×. */
export const factor = (times) => (isNumber(times) ? `${significant(times, 3)}×` : NONE);

/** How much is done, in whole per cent and rounded down, so that only all of it is 100 %. */
export const progress = (part) => `${Math.floor(100 * Math.min(1, part) + 1e-9)} %`;

/** A part of the whole: 42 %, and 1.3 % below a tenth. */
export function share(part) {
  const percent = 100 * part;
  return `${percent.toFixed(percent < 9.95 && percent !== 0 ? 1 : 0)} %`;
}

/** Hours and money that are accounted for: 1.50. */
export const account = (amount) => (isNumber(amount) ? amount.toFixed(2) : NONE);

/** Of seconds, in the two largest units: 1 h 12 min. */
export function duration(seconds) {
  if (!isNumber(seconds)) return NONE;
  const s = Math.floor(seconds + 0.5);
  if (s < 1) return seconds > 0 ? '<1 s' : '0 s';
  if (s < MINUTE) return `${s} s`;
  if (s < HOUR) return two(s / MINUTE, 'min', s % MINUTE, 's');
  if (s < DAY) return two(s / HOUR, 'h', (s % HOUR) / MINUTE, 'min');
  return two(s / DAY, 'd', (s % DAY) / HOUR, 'h');
}

function two(first, unit, second, smaller) {
  return `${Math.floor(first)} ${unit}${second >= 1 ? ` ${Math.floor(second)} ${smaller}` : ''}`;
}

/** How long ago something was, in its largest unit: 3 min ago. */
export const ago = (seconds) => (seconds < 5 ? 'now' : `${duration(seconds).replace(/^(\S+ \S+) .*/, '$1')} ago`);

/** A minute with its date and zone: 2026-12-01 15:48 UTC, or UTC+1; `offset` is the zone's, in minutes. */
export const time = (instant, offset = offsetOf(instant)) => `${local(instant, offset).slice(0, 16)} ${zone(offset)}`;

/** The same of an event, to the second. */
export const moment = (instant, offset = offsetOf(instant)) => `${local(instant, offset)} ${zone(offset)}`;

/** The day alone. */
export const day = (instant, offset = offsetOf(instant)) => local(instant, offset).slice(0, 10);

const offsetOf = (instant) => -new Date(instant).getTimezoneOffset();

const local = (instant, offset) => new Date(new Date(instant).getTime() + offset * 60000).toISOString().slice(0, 19).replace('T', ' ');

function zone(offset) {
  const minutes = Math.abs(offset);
  const hours = `${offset < 0 ? '-' : '+'}${Math.floor(minutes / 60)}`;
  return minutes ? `UTC${hours}${minutes % 60 ? `:${String(minutes % 60).padStart(2, '0')}` : ''}` : 'UTC';
}

const FIGURES = {
  distance: ['distance', figure],
  macsPerStep: ['MACs per step', count],
  acceleration: ['acceleration', factor],
  parameters: ['parameters', count],
  weightsBytes: ['weights', bytes],
  imagesPerSecond: ['images/s', rate],
  peakMemoryBytes: ['peak memory', bytes],
};

/** A value of the figure of that name, as it is written. */
export const write = (name, value) => (FIGURES[name]?.[1] || figure)(value);

/** What people call the figure of that name. */
export const nameOf = (name) => FIGURES[name]?.[0] ?? name;

const exponent = (value, digits) => Number(value.toExponential(digits - 1).split('e')[1]);

function plain(value, digits) {
  const text = value.toPrecision(digits);
  return text.includes('e') ? value.toFixed(0) : text;
}

const powerOfTen = (value, digits) => value.toExponential(digits - 1).replace('e+', 'e');

const withoutZeros = (text) => text.replace(/(\.\d*?)0+(?!\d)/, '$1').replace(/\.(?!\d)/, '');
