package dev.atelier.api.temporal;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

/** Payloads of Temporal, in the JSON of its remote codecs. */
@JsonIgnoreProperties(ignoreUnknown = true)
public record PayloadBatch(List<Item> payloads) {

  public PayloadBatch {
    payloads = payloads == null ? List.of() : List.copyOf(payloads);
  }

  /**
   * One of them.
   *
   * @param metadata each value in Base64
   * @param data in Base64; absent: there is none
   */
  @Schema(name = "Payload")
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record Item(Map<String, String> metadata, Optional<String> data) {

    public Item {
      metadata = metadata == null ? Map.of() : Map.copyOf(metadata);
      data = data == null ? Optional.empty() : data;
    }
  }
}
