package dev.atelier.api.experiment;

import java.security.SecureRandom;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Locale;

/** Ids that sort by time and can be read aloud, such as {@code 20261122-221530-k3f9tz}. */
public final class ExperimentId {

  private static final DateTimeFormatter SECOND =
      DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss", Locale.ROOT).withZone(ZoneOffset.UTC);
  private static final String LETTERS =
      "23456789abcdefghjkmnpqrstuvwxyz"; // none looks like another
  private static final int LENGTH = 6; // 887 million a second: studies launch hundreds in one
  private static final SecureRandom RANDOM = new SecureRandom();

  private ExperimentId() {}

  public static String next(Instant now) {
    StringBuilder id = new StringBuilder(SECOND.format(now)).append('-');
    for (int i = 0; i < LENGTH; i++) {
      id.append(LETTERS.charAt(RANDOM.nextInt(LETTERS.length())));
    }
    return id.toString();
  }
}
