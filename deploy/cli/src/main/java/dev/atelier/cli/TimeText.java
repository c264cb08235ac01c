package dev.atelier.cli;

import com.fasterxml.jackson.databind.JsonNode;
import dev.atelier.workflows.vocabulary.Notation;
import java.time.Instant;
import java.time.ZoneId;

/** Times in the zone of the machine, which they name. */
final class TimeText {

  private TimeText() {}

  /** To the minute. */
  static String of(Instant time) {
    return Notation.time(time, ZoneId.systemDefault());
  }

  /** Of an event, to the second. */
  static String moment(Instant time) {
    return Notation.moment(time, ZoneId.systemDefault());
  }

  /** The same of a field of an answer. */
  static String moment(JsonNode time) {
    return time.isTextual() ? moment(Instant.parse(time.asText())) : Notation.NONE;
  }

  /** To the minute, of a field of an answer, or the word for none. */
  static String of(JsonNode time, String none) {
    return time.isTextual() ? of(Instant.parse(time.asText())) : none;
  }
}
