# Stand-ins for the images that can't be pulled everywhere: the same commands, users and places, from Debian's packages.
ARG PYTHON_IMAGE

FROM ${PYTHON_IMAGE} AS debian
RUN apt-get update

FROM debian AS postgres
RUN groupadd --gid 999 postgres && useradd --uid 999 --gid 999 --home-dir /var/lib/postgresql postgres \
 && apt-get install --yes --no-install-recommends postgresql \
 && rm -rf /var/lib/postgresql/* && ln -s /usr/lib/postgresql/* /opt/postgresql \
 && rm /var/run && install --directory --owner 999 --group 999 --mode 3777 /var/run/postgresql
COPY stand-in-postgres.sh /usr/local/bin/
ENV PATH=/opt/postgresql/bin:$PATH PGDATA=/var/lib/postgresql/data
VOLUME /var/lib/postgresql
ENTRYPOINT ["sh", "/usr/local/bin/stand-in-postgres.sh"]

FROM debian AS valkey
RUN apt-get install --yes --no-install-recommends redis-server \
 && ln -s redis-server /usr/bin/valkey-server && ln -s redis-cli /usr/bin/valkey-cli \
 && install --directory --owner 999 --group 999 /data
VOLUME /data

FROM debian AS nginx
RUN apt-get install --yes --no-install-recommends nginx curl

FROM debian AS prometheus
RUN apt-get install --yes --no-install-recommends prometheus wget && install --directory --owner 65534 /prometheus
VOLUME /prometheus
ENTRYPOINT ["prometheus"]

FROM waybill-app AS mailpit
USER root
RUN printf '#!/bin/sh\nexec python -c "import smtplib; smtplib.SMTP(\\"127.0.0.1\\", 1025).noop()"\n' > /mailpit \
 && chmod 755 /mailpit
STOPSIGNAL SIGINT
ENTRYPOINT ["python", "-m", "aiosmtpd", "-n", "-l", "0.0.0.0:1025", "-c", "aiosmtpd.handlers.Mailbox", "/tmp/mail"]
