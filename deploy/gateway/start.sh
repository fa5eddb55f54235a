# Starts nginx with the machine's name server, which is asked again and again: containers come and go. In Kubernetes
# names have the cluster's own end, which nginx does not add by itself.
awk '
    /^nameserver/ && !server { server = $2 ~ /:/ ? "[" $2 "]" : $2 }
    /^search/ && $2 ~ /\.svc\./ { end = "." $2 }
    END { print "resolver " server " valid=5s;\nmap \"\" $names_end { default \"" end "\"; }" }
' /etc/resolv.conf > /tmp/resolver.conf
exec nginx -c /etc/waybill/nginx.conf -g 'daemon off;'
