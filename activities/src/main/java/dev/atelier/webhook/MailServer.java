package dev.atelier.webhook;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.atelier.workflows.connection.CertificateAuthority;
import jakarta.mail.AuthenticationFailedException;
import jakarta.mail.MessagingException;
import jakarta.mail.Session;
import jakarta.mail.internet.AddressException;
import jakarta.mail.internet.InternetAddress;
import jakarta.mail.internet.MimeMessage;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import java.util.Optional;
import java.util.Properties;
import org.eclipse.angus.mail.smtp.SMTPAddressFailedException;
import org.eclipse.angus.mail.smtp.SMTPSendFailedException;
import org.eclipse.angus.mail.smtp.SMTPSenderFailedException;
import org.eclipse.angus.mail.smtp.SMTPTransport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The operator's mail server: takes mails over SMTP, each over a connection of its own. */
public final class MailServer {

  /** How its connections are kept from others. */
  public enum Security {
    STARTTLS(587), // asked for before anything is sent; a server without it gets nothing
    TLS(465),
    NONE(25);

    private final int port;

    Security(int port) {
      this.port = port;
    }

    /** The port that such a server usually has. */
    public int port() {
      return port;
    }
  }

  /** Who the server knows us as. */
  public record Login(String user, String password) {

    @Override
    public String toString() {
      return "Login[%s]".formatted(user);
    }
  }

  private static final Logger LOG = LoggerFactory.getLogger(MailServer.class);
  private static final int PERMANENT = 500; // RFC 5321, 4.2.1
  private static final String DIALOG_TIMEOUT_MILLIS = "10000"; // of connecting and of each answer

  private final String host;
  private final int port;
  private final InternetAddress from;
  private final Session session;
  private final Optional<Login> login;

  /**
   * Connects to nothing yet.
   *
   * @param authority signs the server's certificate; empty: one that Java trusts
   * @param login empty: the server asks for none
   * @param from address that mails come from, with or without a name
   * @throws IllegalArgumentException if {@code from} is no address
   */
  public MailServer(
      String host,
      int port,
      Security security,
      Optional<CertificateAuthority> authority,
      Optional<Login> login,
      String from) {
    this.host = host;
    this.port = port;
    this.login = login;
    try {
      this.from = new InternetAddress(from, true);
    } catch (AddressException e) {
      throw new IllegalArgumentException(
          "atelier.mail.from has '%s'; expected an address, such as atelier@example.org."
              .formatted(from),
          e);
    }
    Properties smtp = new Properties();
    smtp.put("mail.smtp.host", host);
    smtp.put("mail.smtp.quitwait", "false");
    smtp.put("mail.smtp.connectiontimeout", DIALOG_TIMEOUT_MILLIS);
    smtp.put("mail.smtp.timeout", DIALOG_TIMEOUT_MILLIS);
    smtp.put("mail.smtp.writetimeout", DIALOG_TIMEOUT_MILLIS);
    smtp.put("mail.smtp.auth", Boolean.toString(login.isPresent()));
    smtp.put("mail.smtp.ssl.enable", Boolean.toString(security == Security.TLS));
    smtp.put("mail.smtp.ssl.checkserveridentity", "true");
    smtp.put("mail.smtp.starttls.enable", Boolean.toString(security == Security.STARTTLS));
    smtp.put("mail.smtp.starttls.required", Boolean.toString(security == Security.STARTTLS));
    authority.ifPresent(ca -> smtp.put("mail.smtp.ssl.socketFactory", ca.socketFactory()));
    this.session = Session.getInstance(smtp);
  }

  /**
   * Sends a mail once. No outcome holds an address: histories of workflows have its reason.
   *
   * @param id its Message-ID, the same with each attempt
   */
  Outcome send(String id, String recipient, Notice notice) {
    SMTPTransport transport = new SMTPTransport(session, null);
    try {
      MimeMessage mail = mail(id, recipient, notice);
      transport.connect(
          host, port, login.map(Login::user).orElse(null), login.map(Login::password).orElse(null));
      transport.sendMessage(mail, mail.getAllRecipients());
      return new Outcome.Delivered(transport.getLastReturnCode());
    } catch (AddressException e) {
      return new Outcome.Refused(Optional.empty(), "The recipient is no address.");
    } catch (AuthenticationFailedException e) {
      return new Outcome.Failed(
          Optional.empty(), "%s refused the user of atelier.mail.user.".formatted(host));
    } catch (MessagingException e) {
      return outcome(e);
    } finally {
      close(transport);
    }
  }

  private MimeMessage mail(String id, String recipient, Notice notice) throws MessagingException {
    MimeMessage mail = new Identified(session, "<%s@%s>".formatted(id, domain()));
    mail.setFrom(from);
    mail.setRecipient(MimeMessage.RecipientType.TO, new InternetAddress(recipient, true));
    mail.setSubject(notice.subject(), UTF_8.name());
    mail.setText(text(notice), UTF_8.name());
    mail.setSentDate(Date.from(Instant.now()));
    mail.setHeader("Auto-Submitted", "auto-generated"); // RFC 3834: no replies of absent people
    mail.saveChanges();
    return mail;
  }

  private static void close(SMTPTransport transport) {
    try {
      transport.close();
    } catch (MessagingException e) {
      LOG.debug("A connection to the mail server ended before it was closed.", e);
    }
  }

  private Outcome outcome(MessagingException failure) {
    Optional<Integer> status = status(failure);
    String reason =
        status
            .map(code -> "%s answered %d: expected 250.".formatted(host, code))
            .orElseGet(() -> "%s could not be reached: %s.".formatted(host, cause(failure)));
    return status.filter(code -> code >= PERMANENT).isPresent()
        ? new Outcome.Refused(status, reason)
        : new Outcome.Failed(status, reason);
  }

  /** The most telling reply among the failures that the library has chained. */
  private static Optional<Integer> status(MessagingException failure) {
    for (Exception each = failure;
        each instanceof MessagingException chained;
        each = chained.getNextException()) {
      if (each instanceof SMTPAddressFailedException address) {
        return Optional.of(address.getReturnCode());
      }
      if (each instanceof SMTPSenderFailedException sender) {
        return Optional.of(sender.getReturnCode());
      }
      if (each instanceof SMTPSendFailedException send) {
        return Optional.of(send.getReturnCode());
      }
    }
    return Optional.empty();
  }

  private static String cause(MessagingException failure) {
    Exception deepest = failure;
    while (deepest instanceof MessagingException chained && chained.getNextException() != null) {
      deepest = chained.getNextException();
    }
    return Optional.ofNullable(deepest.getMessage())
        .flatMap(message -> message.lines().findFirst())
        .orElseGet(deepest.getClass()::getSimpleName);
  }

  private String domain() {
    return from.getAddress().replaceFirst("^.*@", "");
  }

  private static String text(Notice notice) {
    List<String> lines = new ArrayList<>(List.of(notice.subject(), ""));
    notice.message().ifPresent(message -> lines.addAll(List.of(message, "")));
    notice.link().ifPresent(link -> lines.addAll(List.of(link.toString(), "")));
    lines.addAll(notice.facts());
    return String.join("\r\n", lines) + "\r\n";
  }

  /** Keeps its id, so that a mail that comes again is known as the same. */
  private static final class Identified extends MimeMessage {

    private final String id;

    Identified(Session session, String id) {
      super(session);
      this.id = id;
    }

    @Override
    protected void updateMessageID() throws MessagingException {
      setHeader("Message-ID", id);
    }
  }
}
