package dev.atelier.cli;

import java.time.Duration;
import java.util.Locale;

/** Numbers as people read them. */
public final class Figures {

  private static final String[] COUNT_SUFFIXES = {"", " k", " M", " G", " T"};

  private static final String[] BYTE_SUFFIXES = {" B", " KiB", " MiB", " GiB", " TiB"};

  private Figures() {}

  /** Such as 6.10 G. */
  static String count(double value) {
    int suffix = 0;
    double scaled = value;
    while (Math.abs(scaled) >= 1000 && suffix < COUNT_SUFFIXES.length - 1) {
      scaled /= 1000;
      suffix++;
    }
    return suffix == 0
        ? "%.0f".formatted(value)
        : String.format(Locale.ROOT, "%.2f%s", scaled, COUNT_SUFFIXES[suffix]);
  }

  /** With a binary prefix, such as 512 MiB. */
  static String bytes(long value) {
    int suffix = 0;
    double scaled = value;
    while (scaled >= 1024 && suffix < BYTE_SUFFIXES.length - 1) {
      scaled /= 1024;
      suffix++;
    }
    return String.format(Locale.ROOT, scaled >= 100 || suffix == 0 ? "%.0f" : "%.3g", scaled)
        + BYTE_SUFFIXES[suffix];
  }

  /** Such as 812 or 3.2 per second. */
  static String rate(double perSecond) {
    return String.format(Locale.ROOT, perSecond < 10 ? "%.1f" : "%.0f", perSecond);
  }

  /** Such as 1:02:03 or 0:42. */
  static String duration(long seconds) {
    Duration duration = Duration.ofSeconds(seconds);
    return duration.toHours() > 0
        ? "%d:%02d:%02d"
            .formatted(duration.toHours(), duration.toMinutesPart(), duration.toSecondsPart())
        : "%d:%02d".formatted(duration.toMinutes(), duration.toSecondsPart());
  }

  /** Seven significant digits. */
  public static String precise(double value) {
    return String.format(Locale.ROOT, "%.7g", value);
  }

  /** Four significant digits. */
  static String number(double value) {
    return String.format(Locale.ROOT, "%.4g", value);
  }
}
