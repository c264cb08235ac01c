package dev.atelier.api.contract;

import dev.atelier.api.contract.OpenApiContract.Call;
import dev.atelier.api.contract.OpenApiContract.Operation;
import io.quarkus.test.junit.callback.QuarkusTestBeforeEachCallback;
import io.quarkus.test.junit.callback.QuarkusTestMethodContext;
import io.restassured.RestAssured;
import io.restassured.filter.Filter;
import io.restassured.filter.FilterContext;
import io.restassured.response.Response;
import io.restassured.specification.FilterableRequestSpecification;
import io.restassured.specification.FilterableResponseSpecification;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Holds every answer that a test of the API gets against the OpenAPI document, and keeps which
 * operations and statuses were seen, for {@link ContractCoverageTest}.
 */
public final class ContractCheck implements QuarkusTestBeforeEachCallback, Filter {

  /** Lines such as {@code listExperiments 200}. */
  static final Path SEEN = Path.of("target/contract-seen.txt");

  /** The document that they were held against. */
  static final Path DOCUMENT = Path.of("target/contract.json");

  private static final String API = "/api/v1/";

  private final Set<String> seen = ConcurrentHashMap.newKeySet();
  private Optional<OpenApiContract> contract = Optional.empty();

  @Override
  public void beforeEach(QuarkusTestMethodContext context) {
    RestAssured.replaceFiltersWith(this);
  }

  @Override
  public Response filter(
      FilterableRequestSpecification request,
      FilterableResponseSpecification expected,
      FilterContext context) {
    Response response = context.next(request, expected);
    URI uri = URI.create(request.getURI());
    if (uri.getPath().startsWith(API)) {
      check(uri, request, response);
    }
    return response;
  }

  private void check(URI uri, FilterableRequestSpecification request, Response response) {
    OpenApiContract document = document(uri);
    String method = request.getMethod();
    Call call =
        new Call(
            method,
            uri.getRawPath(), // a slash within a name is no other path
            jsonOf(request),
            response.statusCode(),
            response.contentType().replaceAll(";.*", "").strip(),
            response.asString());
    List<String> faults = document.faults(call);
    if (!faults.isEmpty()) {
      throw new AssertionError(
          "%s %s answered %d %s against the OpenAPI document:%n%s%n%s"
              .formatted(
                  method,
                  uri,
                  call.status(),
                  call.type(),
                  String.join("\n", faults),
                  call.body().substring(0, Math.min(2000, call.body().length()))));
    }
    document
        .operationOf(method, uri.getRawPath())
        .map(Operation::id)
        .ifPresent(id -> saw(id + " " + call.status()));
  }

  private static Optional<String> jsonOf(FilterableRequestSpecification request) {
    String type = Optional.ofNullable(request.getContentType()).orElse("");
    return request.getBody() instanceof String body
            && type.toLowerCase(Locale.ROOT).startsWith("application/json")
        ? Optional.of(body)
        : Optional.empty();
  }

  private void saw(String call) {
    if (seen.add(call)) {
      try {
        Files.writeString(SEEN, call + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  private synchronized OpenApiContract document(URI uri) {
    if (contract.isEmpty()) {
      try {
        String text =
            HttpClient.newHttpClient()
                .send(
                    HttpRequest.newBuilder(uri.resolve("/q/openapi?format=json")).build(),
                    BodyHandlers.ofString())
                .body();
        Files.writeString(DOCUMENT, text);
        contract = Optional.of(new OpenApiContract(text));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IllegalStateException(e);
      }
    }
    return contract.get();
  }
}
