package dev.atelier.api.config;

import io.smallrye.config.ConfigSourceInterceptor;
import io.smallrye.config.ConfigSourceInterceptorContext;
import io.smallrye.config.ConfigValue;

/**
 * Turns the sign-in by a browser on where a client of the OpenID Connect provider is set for it,
 * and hands its secrets on: an expression would not see those that are in files.
 */
public final class SignInSwitch implements ConfigSourceInterceptor {

  private static final long serialVersionUID = 1L;
  private static final String ENABLED = "quarkus.oidc.browser.tenant-enabled";
  private static final String POLICY = "quarkus.http.auth.permission.sign-in.policy";
  private static final String CLIENT_SECRET = "quarkus.oidc.browser.credentials.secret";
  private static final String STATE_SECRET = "quarkus.oidc.browser.authentication.state-secret";
  private static final String TOKEN_SECRET =
      "quarkus.oidc.browser.token-state-manager.encryption-secret";

  @Override
  public ConfigValue getValue(ConfigSourceInterceptorContext context, String name) {
    return switch (name) {
      case ENABLED -> value(name, Boolean.toString(isOn(context)));
      case POLICY -> value(name, isOn(context) ? "authenticated" : "permit");
      case CLIENT_SECRET -> value(name, text(context, "atelier.auth.oidc.client-secret"));
      case STATE_SECRET, TOKEN_SECRET ->
          value(name, text(context, "atelier.auth.oidc.state-secret"));
      default -> context.proceed(name);
    };
  }

  private static boolean isOn(ConfigSourceInterceptorContext context) {
    return text(context, "atelier.auth.mode").equalsIgnoreCase("oidc")
        && !text(context, "atelier.auth.oidc.client-id").isBlank();
  }

  private static String text(ConfigSourceInterceptorContext context, String setting) {
    ConfigValue value = context.restart(setting);
    return value == null || value.getValue() == null ? "" : value.getValue();
  }

  private static ConfigValue value(String name, String value) {
    return ConfigValue.builder().withName(name).withValue(value).build();
  }
}
