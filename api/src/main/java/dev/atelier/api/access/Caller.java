package dev.atelier.api.access;

import jakarta.enterprise.context.RequestScoped;
import java.util.Optional;

/** Who makes this request, and what for; {@link AccessFilter} fills it in. */
@RequestScoped
public class Caller {

  private Principal principal = Principal.OPEN;
  private String operation = "";
  private String requestId = "";
  private String address = "";
  private Optional<String> project = Optional.empty();

  void is(Principal who, String operationId, String request, String from) {
    principal = who;
    operation = operationId;
    requestId = request;
    address = from;
  }

  void signsIn(Principal who) {
    principal = who;
  }

  void launchesInto(String named) {
    project = Optional.of(named);
  }

  public Principal principal() {
    return principal;
  }

  /** By whom limits are counted: everybody's own, or where nobody is asked, each address's. */
  public String counted() {
    return counted(principal, address);
  }

  static String counted(Principal principal, String address) {
    return principal.equals(Principal.OPEN) ? "address " + address : principal.name();
  }

  /** The project that something new belongs to. */
  public String project() {
    return project.orElse(Projects.DEFAULT);
  }

  /** The same; empty: it belongs to every project. */
  public Optional<String> namedProject() {
    return project;
  }

  String operation() {
    return operation;
  }

  String requestId() {
    return requestId;
  }

  String address() {
    return address;
  }
}
