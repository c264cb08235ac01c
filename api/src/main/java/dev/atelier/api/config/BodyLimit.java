package dev.atelier.api.config;

import io.smallrye.config.ConfigSourceInterceptor;
import io.smallrye.config.ConfigSourceInterceptorContext;
import io.smallrye.config.ConfigValue;

/** Lets Quarkus read a little more than {@code atelier.limits.body-bytes}, which answers first. */
public final class BodyLimit implements ConfigSourceInterceptor {

  private static final long serialVersionUID = 1L;
  private static final String READ_AT_ALL = "quarkus.http.limits.max-body-size";
  private static final long MORE = 4096;

  @Override
  public ConfigValue getValue(ConfigSourceInterceptorContext context, String name) {
    if (!name.equals(READ_AT_ALL)) {
      return context.proceed(name);
    }
    ConfigValue limit = context.restart("atelier.limits.body-bytes");
    return limit == null || !String.valueOf(limit.getValue()).matches("[0-9]{1,12}")
        ? context.proceed(name)
        : ConfigValue.builder()
            .withName(name)
            .withValue(Long.toString(Long.parseLong(limit.getValue()) + MORE))
            .build();
  }
}
