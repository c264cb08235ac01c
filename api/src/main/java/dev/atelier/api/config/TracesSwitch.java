package dev.atelier.api.config;

import io.smallrye.config.ConfigSourceInterceptor;
import io.smallrye.config.ConfigSourceInterceptorContext;
import io.smallrye.config.ConfigValue;

/** Turns OpenTelemetry off where no receiver of traces is configured. */
public final class TracesSwitch implements ConfigSourceInterceptor {

  private static final long serialVersionUID = 1L;
  private static final String DISABLED = "quarkus.otel.sdk.disabled";

  @Override
  public ConfigValue getValue(ConfigSourceInterceptorContext context, String name) {
    if (!name.equals(DISABLED)) {
      return context.proceed(name);
    }
    ConfigValue endpoint = context.restart("atelier.traces.endpoint");
    boolean off = endpoint == null || endpoint.getValue() == null || endpoint.getValue().isBlank();
    return ConfigValue.builder().withName(name).withValue(Boolean.toString(off)).build();
  }
}
