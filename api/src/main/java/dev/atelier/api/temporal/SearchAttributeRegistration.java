package dev.atelier.api.temporal;

import dev.atelier.api.AtelierConfig;
import dev.atelier.workflows.FoundBy;
import io.grpc.StatusRuntimeException;
import io.temporal.api.operatorservice.v1.AddSearchAttributesRequest;
import io.temporal.api.operatorservice.v1.ListSearchAttributesRequest;
import io.temporal.api.operatorservice.v1.OperatorServiceGrpc;
import io.temporal.common.SearchAttributeKey;
import io.temporal.serviceclient.WorkflowServiceStubs;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.jboss.logging.Logger;

/** Makes the search attributes known to Temporal, once. */
@ApplicationScoped
class SearchAttributeRegistration {

  private static final Logger LOG = Logger.getLogger(SearchAttributeRegistration.class);
  private static final Duration ASK_AGAIN = Duration.ofMinutes(1);

  private final WorkflowServiceStubs temporal;
  private final AtelierConfig.Temporal config;
  private boolean known;
  private Instant refused = Instant.MIN;

  SearchAttributeRegistration(WorkflowServiceStubs temporal, AtelierConfig config) {
    this.temporal = temporal;
    this.config = config.temporal();
  }

  /** Whether workflows may be started with them; they are registered first where they are not. */
  boolean known() {
    return switch (config.searchAttributes()) {
      case NONE -> false;
      case REGISTERED -> true;
      case REGISTER -> register();
    };
  }

  private synchronized boolean register() {
    if (known || Instant.now().isBefore(refused.plus(ASK_AGAIN))) {
      return known;
    }
    var operator =
        OperatorServiceGrpc.newBlockingStub(temporal.getRawChannel())
            .withDeadlineAfter(config.timeout().toMillis(), TimeUnit.MILLISECONDS);
    try {
      Set<String> there =
          operator
              .listSearchAttributes(
                  ListSearchAttributesRequest.newBuilder().setNamespace(config.namespace()).build())
              .getCustomAttributesMap()
              .keySet();
      List<SearchAttributeKey<?>> missing =
          FoundBy.ALL.stream().filter(key -> !there.contains(key.getName())).toList();
      if (!missing.isEmpty()) {
        AddSearchAttributesRequest.Builder request =
            AddSearchAttributesRequest.newBuilder().setNamespace(config.namespace());
        missing.forEach(key -> request.putSearchAttributes(key.getName(), key.getValueType()));
        operator.addSearchAttributes(request.build());
        LOG.infof("Registered the search attributes %s.", missing);
      }
      known = true;
    } catch (StatusRuntimeException e) {
      refused = Instant.now();
      LOG.warnf(
          "Workflows are started without search attributes, which Temporal did not register: %s.",
          e.getStatus());
    }
    return known;
  }
}
