package dev.atelier.api.temporal;

import com.uber.m3.tally.RootScopeBuilder;
import com.uber.m3.util.Duration;
import dev.atelier.api.AtelierConfig;
import dev.atelier.workflows.connection.PayloadEncryption;
import dev.atelier.workflows.connection.TemporalConnection;
import io.micrometer.core.instrument.MeterRegistry;
import io.opentelemetry.api.OpenTelemetry;
import io.opentelemetry.opentracingshim.OpenTracingShim;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowClientOptions;
import io.temporal.common.reporter.MicrometerClientStatsReporter;
import io.temporal.opentracing.OpenTracingClientInterceptor;
import io.temporal.opentracing.OpenTracingOptions;
import io.temporal.serviceclient.RpcRetryOptions;
import io.temporal.serviceclient.WorkflowServiceStubs;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.inject.Disposes;
import jakarta.enterprise.inject.Produces;
import jakarta.inject.Singleton;
import java.util.concurrent.TimeUnit;

/** Connects to Temporal on first use, so that the API starts while Temporal is away. */
@ApplicationScoped
class TemporalClientProducer {

  @Produces
  @Singleton
  WorkflowServiceStubs stubs(AtelierConfig config, MeterRegistry metrics) {
    AtelierConfig.Temporal temporal = config.temporal();
    TemporalConnection connection =
        new TemporalConnection(
            temporal.target(),
            temporal.tls(),
            temporal.caFile(),
            temporal.certificateFile(),
            temporal.keyFile(),
            temporal.serverName(),
            temporal.apiKey());
    return WorkflowServiceStubs.newServiceStubs(
        connection
            .stubsOptions()
            .setMetricsScope(
                new RootScopeBuilder()
                    .reporter(new MicrometerClientStatsReporter(metrics))
                    .reportEvery(Duration.ofSeconds(5)))
            .setRpcTimeout(temporal.timeout())
            .setRpcRetryOptions(
                RpcRetryOptions.newBuilder()
                    .setExpiration(temporal.timeout())
                    .validateBuildWithDefaults())
            .build());
  }

  void close(@Disposes WorkflowServiceStubs stubs) {
    stubs.shutdownNow();
    stubs.awaitTermination(5, TimeUnit.SECONDS);
  }

  @Produces
  @Singleton
  PayloadEncryption encryption(AtelierConfig config) {
    return PayloadEncryption.of(config.temporal().codecKeysFile());
  }

  @Produces
  @Singleton
  WorkflowClient client(
      WorkflowServiceStubs stubs,
      PayloadEncryption encryption,
      AtelierConfig config,
      OpenTelemetry telemetry) {
    WorkflowClientOptions.Builder options =
        WorkflowClientOptions.newBuilder()
            .setNamespace(config.temporal().namespace())
            .setDataConverter(encryption.dataConverter())
            .setIdentity("atelier-api");
    if (config.traces().endpoint().isPresent()) {
      options.setInterceptors(
          new OpenTracingClientInterceptor(
              OpenTracingOptions.newBuilder()
                  .setTracer(OpenTracingShim.createTracerShim(telemetry))
                  .build()));
    }
    return WorkflowClient.newInstance(stubs, options.build());
  }
}
