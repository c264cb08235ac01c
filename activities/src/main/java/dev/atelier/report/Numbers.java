package dev.atelier.report;

import java.util.Locale;

/** Numbers as people read them. */
public final class Numbers {

  private static final String[] DECIMAL = {"", " k", " M", " G", " T", " P"};
  private static final String[] BINARY = {" B", " KiB", " MiB", " GiB", " TiB"};

  private Numbers() {}

  /** About four significant digits. */
  public static String text(double value) {
    double size = Math.abs(value);
    if (!Double.isFinite(value)) {
      return String.valueOf(value);
    }
    if (size < 1e6 && value == Math.rint(value)) {
      return String.format(Locale.ROOT, "%.0f", value);
    }
    if (size >= 1e6 || size < 1e-3) {
      return String.format(Locale.ROOT, "%.2e", value);
    }
    int decimals = Math.max(0, 3 - (int) Math.floor(Math.log10(size)));
    String text = String.format(Locale.ROOT, "%." + decimals + "f", value);
    return text.contains(".") ? text.replaceAll("0+$", "").replaceAll("\\.$", "") : text;
  }

  /** With a decimal prefix, such as {@code 6.10 G}. */
  public static String count(double value) {
    return prefixed(value, 1000, DECIMAL);
  }

  /** With a binary prefix, such as {@code 512 MiB}. */
  static String bytes(double value) {
    return prefixed(value, 1024, BINARY);
  }

  /** A duration in its largest sensible units, such as {@code 1 h 12 min}. */
  static String seconds(double seconds) {
    long s = Math.round(seconds);
    if (s >= 3600) {
      return "%d h %d min".formatted(s / 3600, s % 3600 / 60);
    }
    return s >= 60 ? "%d min %d s".formatted(s / 60, s % 60) : s + " s";
  }

  private static String prefixed(double value, double base, String[] prefixes) {
    int i = 0;
    double scaled = value;
    while (Math.abs(scaled) >= base && i < prefixes.length - 1) {
      scaled /= base;
      i++;
    }
    boolean whole = scaled >= 100 || (i == 0 && scaled == Math.rint(scaled));
    return String.format(Locale.ROOT, whole ? "%.0f" : "%.3g", scaled) + prefixes[i];
  }
}
