package dev.atelier.api.problem;

import jakarta.ws.rs.container.ContainerRequestContext;
import jakarta.ws.rs.core.Response;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.jboss.resteasy.reactive.server.ServerRequestFilter;

/** The methods of each path, for the Allow header of OPTIONS and of refused methods. */
public class AllowedMethods {

  private static volatile Map<Pattern, Set<String>> methods = Map.of();

  /** Keeps the methods of paths such as {@code /experiments/{id}}. */
  public static void of(Map<String, ? extends Set<String>> methodsByPath) {
    List<String> paths = new ArrayList<>(methodsByPath.keySet());
    paths.sort((a, b) -> Integer.compare(variables(a), variables(b))); // the most literal first
    Map<Pattern, Set<String>> patterns = new LinkedHashMap<>();
    for (String path : paths) {
      Set<String> allowed = new TreeSet<>(methodsByPath.get(path));
      allowed.add("OPTIONS");
      if (allowed.contains("GET")) {
        allowed.add("HEAD");
      }
      patterns.put(Pattern.compile(path.replaceAll("\\{[^}]+}", "[^/]+")), allowed);
    }
    methods = patterns;
  }

  private static int variables(String path) {
    return path.split("\\{", -1).length;
  }

  /** The methods of a request's path, if it is one of the API. */
  public static Optional<Set<String>> at(String path) {
    return methods.entrySet().stream()
        .filter(entry -> entry.getKey().matcher(path).matches())
        .findFirst()
        .map(Map.Entry::getValue);
  }

  @ServerRequestFilter(preMatching = true, nonBlocking = true)
  Optional<Response> answerOptions(ContainerRequestContext request) {
    return request.getMethod().equals("OPTIONS")
        ? at(request.getUriInfo().getPath())
            .map(allowed -> Response.noContent().allow(allowed).build())
        : Optional.empty();
  }
}
