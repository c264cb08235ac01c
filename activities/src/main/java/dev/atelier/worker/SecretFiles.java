package dev.atelier.worker;

import dev.atelier.workflows.connection.Secrets;
import io.smallrye.config.ConfigSourceInterceptor;
import io.smallrye.config.ConfigSourceInterceptorContext;
import io.smallrye.config.ConfigValue;
import java.util.Optional;

/** Reads secrets from the files that {@code <setting>-file} names. */
final class SecretFiles implements ConfigSourceInterceptor {

  private static final long serialVersionUID = 1L;

  @Override
  public ConfigValue getValue(ConfigSourceInterceptorContext context, String name) {
    Optional<String> secret =
        Secrets.fromFile(
            name,
            setting -> {
              ConfigValue file = context.proceed(setting);
              return file == null ? null : file.getValue();
            });
    return secret
        .map(value -> ConfigValue.builder().withName(name).withValue(value).build())
        .orElseGet(() -> context.proceed(name));
  }
}
