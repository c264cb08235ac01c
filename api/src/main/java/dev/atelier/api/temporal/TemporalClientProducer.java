package dev.atelier.api.temporal;

import dev.atelier.api.AtelierConfig;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowClientOptions;
import io.temporal.serviceclient.RpcRetryOptions;
import io.temporal.serviceclient.WorkflowServiceStubs;
import io.temporal.serviceclient.WorkflowServiceStubsOptions;
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
  WorkflowServiceStubs stubs(AtelierConfig config) {
    AtelierConfig.Temporal temporal = config.temporal();
    return WorkflowServiceStubs.newServiceStubs(
        WorkflowServiceStubsOptions.newBuilder()
            .setTarget(temporal.target())
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
  WorkflowClient client(WorkflowServiceStubs stubs, AtelierConfig config) {
    return WorkflowClient.newInstance(
        stubs,
        WorkflowClientOptions.newBuilder()
            .setNamespace(config.temporal().namespace())
            .setIdentity("atelier-api")
            .build());
  }
}
