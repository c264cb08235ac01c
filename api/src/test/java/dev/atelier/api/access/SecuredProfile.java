package dev.atelier.api.access;

import dev.atelier.api.LocalServers;
import io.quarkus.test.junit.QuarkusTestProfile;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The API with OIDC, API tokens, a rate limit, closed sources and a mail server. */
public class SecuredProfile implements QuarkusTestProfile {

  public static final String BOOTSTRAP_TOKEN = "atl_bootstrap-of-the-tests-0123456789-abcdefghijkl";
  static final String METRICS_TOKEN = "of-the-scraper";
  static final int BURST = 700;

  @Override
  public Map<String, String> getConfigOverrides() {
    Map<String, String> settings = new HashMap<>();
    settings.put("atelier.costs.currency", "EUR");
    settings.put("atelier.costs.gpu-hour", "2.5");
    settings.put("atelier.costs.cpu-hour", "0.5");
    settings.put("atelier.costs.gib-month", "0.125");
    settings.putAll(OTHERS);
    return settings;
  }

  private static final Map<String, String> OTHERS =
      Map.of(
          "atelier.http.metrics-token", METRICS_TOKEN,
          "atelier.auth.bootstrap-token", BOOTSTRAP_TOKEN,
          "atelier.limits.requests-per-second", "1",
          "atelier.limits.burst", Integer.toString(BURST),
          "atelier.limits.body-bytes", "400000",
          "atelier.limits.spec-bytes", "20000",
          "atelier.mail.host", "mail.example.org",
          "atelier.sources.directories", "/data",
          "atelier.sources.private-addresses", "false");

  @Override
  public List<TestResourceEntry> testResources() {
    return List.of(
        new TestResourceEntry(LocalServers.class), new TestResourceEntry(TokenIssuer.class));
  }

  @Override
  public boolean disableGlobalTestResources() {
    return true;
  }
}
