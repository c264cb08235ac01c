package dev.atelier.training;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/** Seeds of what an experiment draws: each model, and each measurement, has numbers of its own. */
public final class Seeds {

  private Seeds() {}

  /** The first eight bytes of the SHA-256 of {@code experimentSeed/key}. */
  public static long of(long experimentSeed, Object key) {
    try {
      byte[] text = (experimentSeed + "/" + key).getBytes(StandardCharsets.UTF_8);
      return ByteBuffer.wrap(MessageDigest.getInstance("SHA-256").digest(text)).getLong();
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e); // every JDK has it
    }
  }
}
