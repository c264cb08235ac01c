package dev.atelier.api.access;

import dev.atelier.api.access.Operations.Rule;
import dev.atelier.api.problem.ProblemException;
import dev.atelier.api.problem.ProblemType;
import io.vertx.ext.web.RoutingContext;
import jakarta.ws.rs.Priorities;
import jakarta.ws.rs.container.ContainerRequestContext;
import jakarta.ws.rs.container.ResourceInfo;
import jakarta.ws.rs.core.HttpHeaders;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.jboss.resteasy.reactive.server.ServerRequestFilter;

/**
 * The only gate of the API: who calls, whether too often, whether its role may do this, and whether
 * what the path names is of one of its projects. What is not is answered as what is not there.
 */
class AccessFilter {

  static final String PROJECT_HEADER = "Atelier-Project";

  private final Authentication authentication;
  private final RateLimits limits;
  private final Projects projects;
  private final Caller caller;

  AccessFilter(Authentication authentication, RateLimits limits, Projects projects, Caller caller) {
    this.authentication = authentication;
    this.limits = limits;
    this.projects = projects;
    this.caller = caller;
  }

  @ServerRequestFilter(priority = Priorities.AUTHENTICATION)
  void check(ContainerRequestContext request, ResourceInfo resource, RoutingContext call) {
    String address =
        call.request().remoteAddress() == null ? "" : call.request().remoteAddress().hostAddress();
    if (SignInResource.class.equals(resource.getResourceClass())) {
      limits.count("address " + address); // whoever comes there wants to be let in
      caller.is(Principal.OPEN, "signIn", String.valueOf(request.getProperty("traceId")), address);
      return;
    }
    Principal principal = principal(request, address);
    String operation = operationOf(resource);
    caller.is(principal, operation, String.valueOf(request.getProperty("traceId")), address);
    Rule rule =
        Operations.ruleOf(operation)
            .orElseThrow(() -> forbidden("Nobody may do this: it has no rule."));
    if (!principal.role().covers(rule.role())) {
      throw forbidden(
          "This needs the role %s, and yours is %s."
              .formatted(named(rule.role()), named(principal.role())));
    }
    switch (rule.scope()) {
      case INSTALLATION, LIST -> {}
      case EXPERIMENT -> requireExperiment(id(request));
      case STUDY -> requireStudy(id(request));
      case WEBHOOK -> requireWebhook(id(request));
      case PROJECT ->
          Projects.require(principal, request.getUriInfo().getPathParameters().getFirst("project"));
      case LAUNCH -> caller.launchesInto(Projects.ofLaunch(principal, project(request)));
      case LAUNCH_FOR_ALL ->
          Projects.ofLaunchForAll(principal, project(request)).ifPresent(caller::launchesInto);
    }
  }

  private Principal principal(ContainerRequestContext request, String address) {
    Principal principal;
    try {
      principal =
          authentication.of(
              Optional.ofNullable(request.getHeaderString(HttpHeaders.AUTHORIZATION)));
    } catch (ProblemException e) {
      limits.count("address " + address); // guessing has its limit, too
      throw e;
    }
    limits.count(Caller.counted(principal, address));
    return principal;
  }

  private static String operationOf(ResourceInfo resource) {
    Operation operation = resource.getResourceMethod().getAnnotation(Operation.class);
    return operation == null ? "" : operation.operationId();
  }

  private static String id(ContainerRequestContext request) {
    return request.getUriInfo().getPathParameters().getFirst("id");
  }

  private static Optional<String> project(ContainerRequestContext request) {
    return Optional.ofNullable(request.getUriInfo().getQueryParameters().getFirst("project"))
        .or(() -> Optional.ofNullable(request.getHeaderString(PROJECT_HEADER)));
  }

  private void requireExperiment(String id) {
    if (projects.visibleExperiments(List.of(id)).isEmpty()) {
      throw new ProblemException(
          ProblemType.EXPERIMENT_NOT_FOUND, "There is no experiment '%s'.".formatted(id));
    }
  }

  private void requireStudy(String id) {
    if (!projects.seesStudy(id)) {
      throw new ProblemException(
          ProblemType.STUDY_NOT_FOUND, "There is no study '%s'.".formatted(id));
    }
  }

  private void requireWebhook(String id) {
    if (!projects.seesWebhook(id)) {
      throw new ProblemException(
          ProblemType.WEBHOOK_NOT_FOUND, "There is no webhook '%s'.".formatted(id));
    }
  }

  private static ProblemException forbidden(String detail) {
    return new ProblemException(ProblemType.FORBIDDEN, detail);
  }

  private static String named(Role role) {
    return role.name().toLowerCase(Locale.ROOT);
  }
}
