package dev.atelier.workflows.connection;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import io.temporal.api.common.v1.Payload;
import io.temporal.common.converter.CodecDataConverter;
import io.temporal.common.converter.DataConverter;
import io.temporal.common.converter.DefaultDataConverter;
import io.temporal.payload.codec.PayloadCodec;
import io.temporal.payload.codec.PayloadCodecException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.util.List;
import java.util.Optional;
import javax.crypto.AEADBadTagException;
import javax.crypto.Cipher;
import javax.crypto.SecretKey;
import javax.crypto.spec.GCMParameterSpec;

/**
 * Encrypts what programs hand to Temporal (AES-256-GCM), where there are keys: inputs, results,
 * summaries, requests, answers, messages and stacks of failures. What was written in plain is read
 * as it is; what is encrypted and has no key here is refused with a sentence.
 */
public final class PayloadEncryption implements PayloadCodec {

  /** The setting that names the file of the keys. */
  public static final String SETTING = "atelier.temporal.codec-keys-file";

  private static final String ENCODING = "encoding"; // of every payload
  private static final ByteString ENCRYPTED = ByteString.copyFromUtf8("binary/encrypted");
  private static final String KEY_ID = "encryption-key-id";
  private static final String CIPHER = "AES/GCM/NoPadding";
  private static final int NONCE_BYTES = 12; // before what is encrypted
  private static final int TAG_BITS = 128; // behind it

  private final SecureRandom random = new SecureRandom();
  private final Optional<PayloadKeys> keys;

  private PayloadEncryption(Optional<PayloadKeys> keys) {
    this.keys = keys;
  }

  /**
   * With the keys of a file; empty: nothing is encrypted.
   *
   * @throws IllegalArgumentException if the file is not one of {@link PayloadKeys}
   */
  public static PayloadEncryption of(Optional<Path> keysFile) {
    return new PayloadEncryption(keysFile.map(file -> PayloadKeys.read(SETTING, file)));
  }

  /** Whether there are keys. */
  public boolean isOn() {
    return keys.isPresent();
  }

  /** How a client writes and reads what it hands to Temporal. */
  public DataConverter dataConverter() {
    return new CodecDataConverter(DefaultDataConverter.STANDARD_INSTANCE, List.of(this), isOn());
  }

  @Override
  public List<Payload> encode(List<Payload> payloads) {
    return keys.isEmpty()
        ? payloads
        : payloads.stream().map(payload -> encrypted(payload, keys.get())).toList();
  }

  /**
   * Makes payloads of {@link #encode}, and any others, what they were.
   *
   * @throws PayloadCodecException if a key is missing or another, or a payload was changed
   */
  @Override
  public List<Payload> decode(List<Payload> payloads) {
    return payloads.stream()
        .map(payload -> isEncrypted(payload) ? decrypted(payload) : payload)
        .toList();
  }

  private static boolean isEncrypted(Payload payload) {
    return ENCRYPTED.equals(payload.getMetadataMap().get(ENCODING));
  }

  private Payload encrypted(Payload payload, PayloadKeys with) {
    String id = with.first();
    byte[] nonce = new byte[NONCE_BYTES];
    random.nextBytes(nonce);
    try {
      byte[] secret =
          cipher(Cipher.ENCRYPT_MODE, with.key(id).orElseThrow(), nonce)
              .doFinal(payload.toByteArray());
      return Payload.newBuilder()
          .putMetadata(ENCODING, ENCRYPTED)
          .putMetadata(KEY_ID, ByteString.copyFromUtf8(id))
          .setData(ByteString.copyFrom(nonce).concat(ByteString.copyFrom(secret)))
          .build();
    } catch (GeneralSecurityException e) {
      throw new PayloadCodecException("Cannot encrypt with the key '%s'.".formatted(id), e);
    }
  }

  private Payload decrypted(Payload payload) {
    String id = payload.getMetadataOrDefault(KEY_ID, ByteString.EMPTY).toStringUtf8();
    PayloadKeys known =
        keys.orElseThrow(
            () ->
                new PayloadCodecException(
                    "Temporal has what is encrypted with the key '%s', and this program has no keys: expected %s to name a file that has it."
                        .formatted(id, SETTING)));
    SecretKey key =
        known
            .key(id)
            .orElseThrow(
                () ->
                    new PayloadCodecException(
                        "Temporal has what is encrypted with the key '%s', which %s lacks: it names %s."
                            .formatted(id, SETTING, known)));
    if (payload.getData().size() < NONCE_BYTES + TAG_BITS / 8) {
      throw new PayloadCodecException(
          "Temporal has what claims to be encrypted with the key '%s', and is too short: %d bytes."
              .formatted(id, payload.getData().size()));
    }
    byte[] nonce = payload.getData().substring(0, NONCE_BYTES).toByteArray();
    byte[] secret = payload.getData().substring(NONCE_BYTES).toByteArray();
    try {
      return Payload.parseFrom(cipher(Cipher.DECRYPT_MODE, key, nonce).doFinal(secret));
    } catch (AEADBadTagException e) {
      throw new PayloadCodecException(
          "Temporal has what is encrypted with the key '%s', but another than that of %s, or it was changed since."
              .formatted(id, known),
          e);
    } catch (GeneralSecurityException | InvalidProtocolBufferException e) {
      throw new PayloadCodecException(
          "Temporal has what claims to be encrypted with the key '%s', and is not.".formatted(id),
          e);
    }
  }

  private static Cipher cipher(int mode, SecretKey key, byte[] nonce)
      throws GeneralSecurityException {
    Cipher cipher = Cipher.getInstance(CIPHER);
    cipher.init(mode, key, new GCMParameterSpec(TAG_BITS, nonce));
    return cipher;
  }
}
