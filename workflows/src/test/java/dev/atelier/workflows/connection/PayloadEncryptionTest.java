package dev.atelier.workflows.connection;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import dev.atelier.spec.ExperimentSpec;
import dev.atelier.spec.ExperimentSpecBuilder;
import dev.atelier.workflows.DistillationWorkflow;
import io.temporal.api.common.v1.Payload;
import io.temporal.api.failure.v1.Failure;
import io.temporal.common.converter.DataConverter;
import io.temporal.common.converter.DefaultDataConverter;
import io.temporal.failure.ApplicationFailure;
import io.temporal.payload.codec.PayloadCodecException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PayloadEncryptionTest {

  private static final String SECRET = "of nobody's business";
  private static final DataConverter PLAIN = PayloadEncryption.of(Optional.empty()).dataConverter();

  @TempDir private Path directory;
  private int files;

  /** A file of keys that only its owner can read. */
  private Path file(String... lines) throws IOException {
    Path file = directory.resolve("keys-" + files++);
    Files.write(file, List.of(lines));
    return Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
  }

  /** A line of a key whose bytes are all {@code of}. */
  private static String key(String id, int of) {
    byte[] bytes = new byte[32];
    Arrays.fill(bytes, (byte) of);
    return id + " " + Base64.getEncoder().encodeToString(bytes);
  }

  private DataConverter with(String... lines) throws IOException {
    return PayloadEncryption.of(Optional.of(file(lines))).dataConverter();
  }

  private static Payload write(DataConverter converter, Object value) {
    return converter.toPayload(value).orElseThrow();
  }

  private static String read(DataConverter converter, Payload payload) {
    return converter.fromPayload(payload, String.class, String.class);
  }

  private static boolean holdsTheSecret(ByteString bytes) {
    return bytes.toString(StandardCharsets.ISO_8859_1).contains(SECRET);
  }

  @Test
  void shouldShowNothingButTheKeysIdOfWhatItHasEncrypted() throws IOException {
    DataConverter keyed = with("# the first encrypts", "", key("2026-12", 1), key("2026-06", 2));
    Payload payload = write(keyed, SECRET);
    assertThat(payload.getMetadataMap())
        .containsOnlyKeys("encoding", "encryption-key-id")
        .containsEntry("encoding", ByteString.copyFromUtf8("binary/encrypted"))
        .containsEntry("encryption-key-id", ByteString.copyFromUtf8("2026-12"));
    assertThat(holdsTheSecret(payload.toByteString())).isFalse();
    assertThat(write(keyed, SECRET)).as("the same again").isNotEqualTo(payload);
    assertThat(read(keyed, payload)).isEqualTo(SECRET);

    assertThat(holdsTheSecret(write(PLAIN, SECRET).toByteString())).as("without keys").isTrue();
  }

  @Test
  void shouldWriteAsBeforeWithoutKeys() {
    assertThat(write(PLAIN, SECRET))
        .isEqualTo(write(DefaultDataConverter.STANDARD_INSTANCE, SECRET));
    ApplicationFailure failure = ApplicationFailure.newFailure(SECRET, "DIVERGED");
    assertThat(PLAIN.exceptionToFailure(failure))
        .isEqualTo(DefaultDataConverter.STANDARD_INSTANCE.exceptionToFailure(failure));
  }

  @Test
  void shouldReadWhatWasWrittenBeforeThereWereKeys() throws IOException {
    ExperimentSpec spec = ExperimentSpecBuilder.builder().name(SECRET).build();
    var input = new DistillationWorkflow.Input("e", spec);
    for (DataConverter writer : List.of(PLAIN, with(key("a", 1)))) {
      Payload payload = write(writer, input);
      assertThat(
              with(key("a", 1))
                  .fromPayload(
                      payload, DistillationWorkflow.Input.class, DistillationWorkflow.Input.class))
          .isEqualTo(input);
    }
  }

  @Test
  void shouldReadWhatAFormerKeyHasEncryptedOnceTheKeyIsRotated() throws IOException {
    Payload old = write(with(key("old", 1)), SECRET);
    DataConverter rotated = with(key("new", 2), key("old", 1));
    assertThat(read(rotated, old)).isEqualTo(SECRET);
    assertThat(write(rotated, SECRET).getMetadataMap())
        .containsEntry("encryption-key-id", ByteString.copyFromUtf8("new"));
    assertThat(read(with(key("old", 1), key("new", 2)), write(rotated, SECRET)))
        .as("where the new key only decrypts yet")
        .isEqualTo(SECRET);
  }

  @Test
  void shouldSayWhatIsMissingInPlaceOfGarbage() throws IOException {
    Payload payload = write(with(key("a", 1)), SECRET);
    assertThatThrownBy(() -> read(PLAIN, payload))
        .isInstanceOf(PayloadCodecException.class)
        .hasMessage(
            "Temporal has what is encrypted with the key 'a', and this program has no keys: expected atelier.temporal.codec-keys-file to name a file that has it.");
    assertThatThrownBy(() -> read(with(key("b", 1), key("c", 2)), payload))
        .isInstanceOf(PayloadCodecException.class)
        .hasMessageContaining("the key 'a', which atelier.temporal.codec-keys-file lacks")
        .hasMessageEndingWith("with the keys b, c.");
    assertThatThrownBy(() -> read(with(key("a", 2)), payload))
        .isInstanceOf(PayloadCodecException.class)
        .hasMessageContaining("the key 'a', but another than that of '" + directory);
  }

  @Test
  void shouldRefuseWhatWasChanged() throws IOException {
    DataConverter keyed = with(key("a", 1));
    Payload payload = write(keyed, SECRET);
    byte[] bytes = payload.getData().toByteArray();
    for (int at : new int[] {0, 12, bytes.length - 1}) {
      byte[] changed = bytes.clone();
      changed[at] ^= 1;
      assertThatThrownBy(() -> read(keyed, withData(payload, changed)))
          .as("byte %d", at)
          .isInstanceOf(PayloadCodecException.class)
          .hasMessageContaining("or it was changed since");
    }
    for (int length : new int[] {0, 5, 12}) {
      assertThatThrownBy(() -> read(keyed, withData(payload, Arrays.copyOf(bytes, length))))
          .as("%d bytes", length)
          .isInstanceOf(PayloadCodecException.class)
          .hasMessageContaining("the key 'a'");
    }
    assertThat(read(keyed, withData(payload, bytes))).isEqualTo(SECRET);
  }

  private static Payload withData(Payload payload, byte[] data) {
    return payload.toBuilder().setData(ByteString.copyFrom(data)).build();
  }

  @Test
  void shouldEncryptTheMessageAndTheStackOfAFailure() throws IOException {
    DataConverter keyed = with(key("a", 1));
    ApplicationFailure thrown =
        ApplicationFailure.newFailureWithCause(
            SECRET, "DIVERGED", new IllegalStateException(SECRET + " below"), SECRET);
    Failure failure = keyed.exceptionToFailure(thrown);
    assertThat(holdsTheSecret(failure.toByteString())).isFalse();
    assertThat(failure.toString()).contains("DIVERGED").doesNotContain("PayloadEncryptionTest");
    assertThat(keyed.failureToException(failure))
        .isInstanceOfSatisfying(
            ApplicationFailure.class,
            found -> {
              assertThat(found.getOriginalMessage()).isEqualTo(SECRET);
              assertThat(found.getType()).isEqualTo("DIVERGED");
              assertThat(found.getDetails().get(String.class)).isEqualTo(SECRET);
              assertThat(found.getCause()).hasMessageContaining(SECRET + " below");
            });
    assertThat(holdsTheSecret(PLAIN.exceptionToFailure(thrown).toByteString()))
        .as("without keys")
        .isTrue();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "'' | which has no key; expected a line such as: 2026-12 BASE64",
        "# none | which has no key",
        "AAAA | whose line 1 is no key; expected an id",
        "a b c | whose line 1 is no key",
        "a/b AAAA | whose line 1 is no key",
        "a AAAA | whose line 1 has a key 'a' of 3 bytes; expected 32.",
        "a sEcReT! | whose line 1 has a key 'a' that is not Base64.",
      })
  void shouldNameTheFileAndTheLineThatIsNoKey(String line, String message) throws IOException {
    Path file = file(line);
    assertThatThrownBy(() -> PayloadEncryption.of(Optional.of(file)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith("atelier.temporal.codec-keys-file names '%s', ".formatted(file))
        .hasMessageContaining(message)
        .hasMessageNotContaining("sEcReT")
        .satisfies(e -> assertThat(e.getCause()).isNull());
  }

  @Test
  void shouldRefuseTheSameIdTwiceAndAFileThatIsNotThere() throws IOException {
    Path twice = file(key("a", 1), key("b", 1), key("a", 2));
    assertThatThrownBy(() -> PayloadEncryption.of(Optional.of(twice)))
        .hasMessageContaining("whose line 3 has a key 'a', as one before it.");
    Path missing = directory.resolve("missing");
    assertThatThrownBy(() -> PayloadEncryption.of(Optional.of(missing)))
        .hasMessageContaining("names '%s', which cannot be read: ".formatted(missing));
  }

  @ParameterizedTest
  @CsvSource({"rw----r--, false", "rw-rw-rw-, false", "rw-r-----, true", "r--------, true"})
  void shouldRefuseAFileThatOtherUsersMayUse(String permissions, boolean taken) throws IOException {
    Path file =
        Files.setPosixFilePermissions(
            file(key("a", 1)), PosixFilePermissions.fromString(permissions));
    if (taken) {
      assertThat(PayloadEncryption.of(Optional.of(file)).isOn()).isTrue();
    } else {
      assertThatThrownBy(() -> PayloadEncryption.of(Optional.of(file)))
          .hasMessageContaining(
              "which other users may use (%s); expected none of them to: chmod o= %s"
                  .formatted(permissions, file));
    }
  }
}
