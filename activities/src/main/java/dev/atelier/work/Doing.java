package dev.atelier.work;

import java.util.Locale;

/**
 * How far a piece of work is.
 *
 * @param what is done now, such as "images sampled", or a whole sentence
 * @param done how many of them
 * @param total how many there are; 0: nobody knows
 */
public record Doing(String what, long done, long total) {

  /** Work that is not counted. */
  public static Doing of(String what) {
    return new Doing(what, 0, 0);
  }

  /** As people read it: "images sampled: 3,200 of 5,000". */
  @Override
  public String toString() {
    return total == 0 ? what : String.format(Locale.ROOT, "%s: %,d of %,d", what, done, total);
  }
}
