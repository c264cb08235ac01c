package dev.atelier.worker;

import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.trace.propagation.W3CTraceContextPropagator;
import io.opentelemetry.context.propagation.ContextPropagators;
import io.opentelemetry.exporter.otlp.http.trace.OtlpHttpSpanExporter;
import io.opentelemetry.opentracingshim.OpenTracingShim;
import io.opentelemetry.sdk.OpenTelemetrySdk;
import io.opentelemetry.sdk.resources.Resource;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.export.BatchSpanProcessor;
import io.temporal.common.interceptors.WorkerInterceptor;
import io.temporal.opentracing.OpenTracingOptions;
import io.temporal.opentracing.OpenTracingWorkerInterceptor;
import java.net.URI;
import java.time.Duration;

/** Sends a span of each workflow and activity to an OTLP receiver, in the trace of its launch. */
final class Tracing implements AutoCloseable {

  private static final Duration FLUSH = Duration.ofSeconds(1);

  private final OpenTelemetrySdk sdk;

  /**
   * Sends from now until closed.
   *
   * @param endpoint base URL of the receiver
   * @param worker name of this process
   */
  Tracing(URI endpoint, String worker) {
    Resource resource =
        Resource.getDefault()
            .merge(
                Resource.create(
                    Attributes.of(
                        AttributeKey.stringKey("service.name"),
                        "atelier-worker",
                        AttributeKey.stringKey("service.instance.id"),
                        worker)));
    String url = endpoint.toString().replaceAll("/+$", "") + "/v1/traces";
    sdk =
        OpenTelemetrySdk.builder()
            .setTracerProvider(
                SdkTracerProvider.builder()
                    .setResource(resource)
                    .addSpanProcessor(
                        BatchSpanProcessor.builder(
                                OtlpHttpSpanExporter.builder().setEndpoint(url).build())
                            .setScheduleDelay(FLUSH)
                            .build())
                    .build())
            .setPropagators(ContextPropagators.create(W3CTraceContextPropagator.getInstance()))
            .build();
  }

  WorkerInterceptor interceptor() {
    return new OpenTracingWorkerInterceptor(
        OpenTracingOptions.newBuilder().setTracer(OpenTracingShim.createTracerShim(sdk)).build());
  }

  @Override
  public void close() {
    sdk.close(); // sends what is left
  }
}
