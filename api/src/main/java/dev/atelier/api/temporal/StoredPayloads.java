package dev.atelier.api.temporal;

import com.google.protobuf.ByteString;
import dev.atelier.workflows.connection.PayloadEncryption;
import io.quarkus.runtime.StartupEvent;
import io.temporal.api.common.v1.Payload;
import io.temporal.payload.codec.PayloadCodecException;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import org.jboss.logging.Logger;

/** What Temporal keeps of workflows, encrypted and as it is for people and programs. */
@ApplicationScoped
public class StoredPayloads {

  private static final Logger LOG = Logger.getLogger(StoredPayloads.class);

  private final PayloadEncryption encryption;

  StoredPayloads(PayloadEncryption encryption) {
    this.encryption = encryption;
  }

  /** Reads the keys as the program starts, which ends where they cannot be read. */
  void start(@Observes StartupEvent start) {
    if (encryption.isOn()) {
      LOG.info("What workflows are given and give is encrypted.");
    }
  }

  /** Whether there are keys. */
  public boolean isEncrypted() {
    return encryption.isOn();
  }

  /**
   * Decrypts what is encrypted, and leaves the rest as it is.
   *
   * @throws IllegalArgumentException with a sentence, where one is malformed or has no key here
   */
  public PayloadBatch decode(PayloadBatch batch) {
    return translate(batch, encryption::decode);
  }

  /** Encrypts; throws as {@link #decode}. */
  public PayloadBatch encode(PayloadBatch batch) {
    return translate(batch, encryption::encode);
  }

  private static PayloadBatch translate(PayloadBatch batch, UnaryOperator<List<Payload>> codec) {
    List<Payload> payloads = batch.payloads().stream().map(StoredPayloads::read).toList();
    try {
      return new PayloadBatch(codec.apply(payloads).stream().map(StoredPayloads::write).toList());
    } catch (PayloadCodecException e) {
      throw new IllegalArgumentException(e.getMessage(), e);
    }
  }

  private static Payload read(PayloadBatch.Item item) {
    Payload.Builder payload = Payload.newBuilder();
    item.metadata().forEach((name, value) -> payload.putMetadata(name, bytes(value)));
    item.data().ifPresent(data -> payload.setData(bytes(data)));
    return payload.build();
  }

  private static ByteString bytes(String base64) {
    try {
      return ByteString.copyFrom(Base64.getDecoder().decode(base64));
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(
          "payloads must have metadata and data in Base64, found %s."
              .formatted(e.getMessage().replaceFirst("\\.$", "")),
          e);
    }
  }

  private static PayloadBatch.Item write(Payload payload) {
    Map<String, String> metadata =
        payload.getMetadataMap().entrySet().stream()
            .collect(Collectors.toMap(Map.Entry::getKey, entry -> base64(entry.getValue())));
    return new PayloadBatch.Item(metadata, Optional.of(base64(payload.getData())));
  }

  private static String base64(ByteString bytes) {
    return Base64.getEncoder().encodeToString(bytes.toByteArray());
  }
}
