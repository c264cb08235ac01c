package dev.atelier.api.codec;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.atelier.api.AtelierConfig;
import dev.atelier.api.problem.ProblemException;
import dev.atelier.api.problem.ProblemType;
import dev.atelier.api.temporal.PayloadBatch;
import dev.atelier.api.temporal.StoredPayloads;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.HeaderParam;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.eclipse.microprofile.openapi.annotations.parameters.RequestBody;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;

/**
 * A remote codec (https://docs.temporal.io/codec-server): histories hold no projects, so admins'.
 */
@Path("/api/v1/codec")
@Consumes(MediaType.APPLICATION_JSON)
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "Codec")
public class CodecResource {

  private static final String NAMESPACE = "X-Namespace";

  private final StoredPayloads stored;
  private final AtelierConfig.Temporal config;
  private final ObjectMapper json;

  CodecResource(StoredPayloads stored, AtelierConfig config, ObjectMapper json) {
    this.stored = stored;
    this.config = config.temporal();
    this.json = json;
  }

  @POST
  @Path("/decode")
  @Operation(
      operationId = "decodePayloads",
      summary = "Decrypt payloads of histories, as Temporal's Web UI and command line ask for it",
      description =
          "What is not encrypted comes back as it is. Where the server has no keys there is nothing here: 404.")
  @RequestBody(
      required = true,
      content = @Content(schema = @Schema(implementation = PayloadBatch.class)))
  @APIResponse(
      responseCode = "200",
      description = "The payloads, in the same order",
      content = @Content(schema = @Schema(implementation = PayloadBatch.class)))
  public PayloadBatch decode(
      byte[] body,
      @HeaderParam(NAMESPACE) @Parameter(description = "That of this server; absent: that")
          String namespace) {
    return translated(body, namespace, stored::decode);
  }

  @POST
  @Path("/encode")
  @Operation(
      operationId = "encodePayloads",
      summary = "Encrypt payloads, such as a request that the Web UI sends to a workflow",
      description = "Where the server has no keys there is nothing here: 404.")
  @RequestBody(
      required = true,
      content = @Content(schema = @Schema(implementation = PayloadBatch.class)))
  @APIResponse(
      responseCode = "200",
      description = "The payloads, in the same order",
      content = @Content(schema = @Schema(implementation = PayloadBatch.class)))
  public PayloadBatch encode(
      byte[] body,
      @HeaderParam(NAMESPACE) @Parameter(description = "That of this server; absent: that")
          String namespace) {
    return translated(body, namespace, stored::encode);
  }

  private PayloadBatch translated(
      byte[] body, String namespace, UnaryOperator<PayloadBatch> translation) {
    if (!stored.isEncrypted()) {
      throw new ProblemException(
          ProblemType.NOT_FOUND,
          "There is nothing to decode: this server has no keys (atelier.temporal.codec-keys-file).");
    }
    if (namespace != null && !namespace.isEmpty() && !namespace.equals(config.namespace())) {
      throw new ProblemException(
          ProblemType.INVALID_PARAMETER,
          "%s must be '%s', whose workflows this server knows, found '%s'."
              .formatted(NAMESPACE, config.namespace(), namespace));
    }
    try {
      return translation.apply(read(body));
    } catch (IllegalArgumentException e) {
      throw new ProblemException(ProblemType.BAD_REQUEST, e.getMessage());
    }
  }

  private PayloadBatch read(byte[] body) {
    try {
      PayloadBatch read =
          json.readValue(new String(body, StandardCharsets.UTF_8), PayloadBatch.class);
      return Optional.ofNullable(read).orElseThrow(() -> malformed("found null."));
    } catch (JsonProcessingException e) {
      throw malformed(e.getOriginalMessage());
    }
  }

  private static ProblemException malformed(String found) {
    return new ProblemException(
        ProblemType.MALFORMED_DOCUMENT,
        "The body must be {\"payloads\": [{\"metadata\": {}, \"data\": \"\"}]} with values in Base64: "
            + found);
  }
}
