package dev.atelier.workflows.vocabulary;

import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Locale;

/**
 * How numbers and times are written wherever people read them, by the rule in docs/glossary.md; the
 * dashboard's notation.js writes the same.
 */
public final class Notation {

  /** In the place of a figure: there is none. */
  public static final String NONE = "–";

  private static final String[] DECIMAL = {"", " k", " M", " G", " T", " P"};
  private static final String[] BINARY = {" B", " KiB", " MiB", " GiB", " TiB"};
  private static final double LARGE = 1e4; // from here on means and ticks have a prefix
  private static final int MOST_DECIMALS = 6;
  private static final int MINUTE = 60;
  private static final int HOUR = 60 * MINUTE;
  private static final int DAY = 24 * HOUR;
  private static final DateTimeFormatter TO_THE_MINUTE =
      DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm", Locale.ROOT);
  private static final DateTimeFormatter TO_THE_SECOND =
      DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss", Locale.ROOT);

  private Notation() {}

  /** What was measured, such as a distance or a loss, with four significant digits: 9.500. */
  public static String figure(double value) {
    return significant(value, 4);
  }

  /** What was measured, with so many significant digits; at least all that stand before a point. */
  public static String significant(double value, int digits) {
    if (!Double.isFinite(value)) {
      return NONE;
    }
    double size = Math.abs(value);
    if (size == 0) {
      return "0";
    }
    return size >= 1e6 || size < 1e-3 ? powerOfTen(value, digits) : plain(value, digits);
  }

  /** On an axis or in a sentence: as a figure, without zeros at its end, and 20 k for 20000. */
  public static String tick(double value) {
    return Math.abs(value) >= LARGE
        ? withoutZeros(count(value))
        : withoutZeros(figure(value)); // "0.30", "1.50e-5"
  }

  /** What a spec or a claim says, as it was given: 1.8. */
  public static String given(double value) {
    return BigDecimal.valueOf(value).stripTrailingZeros().toPlainString();
  }

  /** A mean and its deviation, both to the second digit of the latter: 9.10 ± 0.10. */
  public static String spread(double mean, double deviation) {
    boolean large = Math.max(Math.abs(mean), deviation) >= LARGE;
    if (!(deviation > 0)) {
      return large ? count(mean) : figure(mean);
    }
    int unit = large ? unit(Math.max(Math.abs(mean), deviation)) : 0;
    double scale = Math.pow(1000, unit);
    int decimals = Math.max(0, 1 - exponent(rounded(deviation / scale, 2)));
    return decimals > MOST_DECIMALS
        ? "%s ± %s".formatted(figure(mean), powerOfTen(deviation, 2))
        : "%s ± %s%s"
            .formatted(
                fixed(mean / scale, decimals), fixed(deviation / scale, decimals), DECIMAL[unit]);
  }

  /** Of parameters, multiply-accumulates or steps, with a decimal prefix: 64.4 M. */
  public static String count(double value) {
    if (!Double.isFinite(value)) {
      return NONE;
    }
    int unit = unit(value);
    double scaled = value / Math.pow(1000, unit);
    return (unit == 0 && value == Math.rint(value) ? fixed(value, 0) : plain(scaled, 3))
        + DECIMAL[unit];
  }

  public static String count(long value) {
    return count((double) value);
  }

  private static int unit(double value) {
    int unit = 0;
    double scaled = Math.abs(value);
    while (rounded(scaled, 3).doubleValue() >= 1000 && unit < DECIMAL.length - 1) {
      scaled /= 1000;
      unit++;
    }
    return unit;
  }

  /** With a binary prefix: 4.81 MiB. */
  public static String bytes(double value) {
    int unit = 0;
    double scaled = value;
    while (Math.rint(scaled) >= 1024 && unit < BINARY.length - 1) {
      scaled /= 1024;
      unit++;
    }
    return (unit == 0 ? fixed(scaled, 0) : plain(scaled, 3)) + BINARY[unit];
  }

  public static String bytes(long value) {
    return bytes((double) value);
  }

  /** Of images or steps per second, which its name says: 8.30. */
  public static String rate(double perSecond) {
    return significant(perSecond, 3);
  }

  /** How many times as much: 2.50×. */
  public static String factor(double factor) {
    return significant(factor, 3) + "×";
  }

  /** How much is done, in whole per cent and rounded down, so that only all of it is 100 %. */
  public static String progress(double share) {
    return (long) Math.floor(100 * Math.min(1, share) + 1e-9) + " %";
  }

  /** A part of the whole: 42 %, and 1.3 % below a tenth. */
  public static String share(double share) {
    double percent = 100 * share;
    return fixed(percent, percent < 9.95 && percent != 0 ? 1 : 0) + " %";
  }

  /** Hours and money that are accounted for: 1.50. */
  public static String account(double amount) {
    return fixed(amount, 2);
  }

  /** Of seconds, in the two largest units: 1 h 12 min. */
  public static String duration(double seconds) {
    long s = (long) Math.floor(seconds + 0.5);
    if (s < 1) {
      return seconds > 0 ? "<1 s" : "0 s";
    }
    if (s < MINUTE) {
      return s + " s";
    }
    if (s < HOUR) {
      return two(s / MINUTE, " min", s % MINUTE, " s");
    }
    return s < DAY
        ? two(s / HOUR, " h", s % HOUR / MINUTE, " min")
        : two(s / DAY, " d", s % DAY / HOUR, " h");
  }

  private static String two(long first, String unit, long second, String smaller) {
    return first + unit + (second > 0 ? " " + second + smaller : "");
  }

  /** How long ago something was, in its largest unit: 3 min ago. */
  public static String ago(double seconds) {
    String words = duration(seconds);
    return seconds < 5 ? "now" : words.replaceFirst("^(\\S+ \\S+) .*", "$1") + " ago";
  }

  /** A minute with its date and zone: 2026-12-01 15:48 UTC, or UTC+1. */
  public static String time(Instant time, ZoneId zone) {
    return at(time, zone, TO_THE_MINUTE);
  }

  /** The same of an event, to the second. */
  public static String moment(Instant time, ZoneId zone) {
    return at(time, zone, TO_THE_SECOND);
  }

  private static String at(Instant time, ZoneId zone, DateTimeFormatter form) {
    ZoneOffset offset = zone.getRules().getOffset(time);
    int minutes = Math.abs(offset.getTotalSeconds()) / MINUTE;
    String hours = (offset.getTotalSeconds() < 0 ? "-" : "+") + minutes / 60;
    String from =
        minutes == 0
            ? ""
            : hours + (minutes % 60 == 0 ? "" : String.format(Locale.ROOT, ":%02d", minutes % 60));
    return form.format(time.atOffset(offset)) + " UTC" + from;
  }

  // The exact value is rounded, half away from zero, as browsers do it.
  private static BigDecimal rounded(double value, int digits) {
    return new BigDecimal(value).round(new MathContext(digits, RoundingMode.HALF_UP));
  }

  private static int exponent(BigDecimal value) {
    return value.precision() - value.scale() - 1;
  }

  private static String plain(double value, int digits) {
    if (value == 0) {
      return "0";
    }
    BigDecimal rounded = rounded(value, digits);
    int decimals = digits - 1 - exponent(rounded);
    return decimals < 0
        ? fixed(value, 0)
        : rounded.setScale(decimals, RoundingMode.HALF_UP).toPlainString();
  }

  private static String fixed(double value, int decimals) {
    return new BigDecimal(value).setScale(decimals, RoundingMode.HALF_UP).toPlainString();
  }

  private static String powerOfTen(double value, int digits) {
    BigDecimal rounded = rounded(value, digits);
    int exponent = exponent(rounded);
    String mantissa =
        rounded.movePointLeft(exponent).setScale(digits - 1, RoundingMode.HALF_UP).toPlainString();
    return mantissa + "e" + exponent;
  }

  private static String withoutZeros(String text) {
    return text.replaceFirst("(\\.\\d*?)0+(?!\\d)", "$1").replaceFirst("\\.(?!\\d)", "");
  }
}
