# A kernel router between the namespaces of two processes, whose ids are the arguments: near, far.
set -e
# A new namespace may have settings of the machine's.
cd /proc/sys/net/ipv4
for setting in arp_ignore arp_accept arp_filter proxy_arp proxy_arp_pvlan rp_filter; do
    for conf in all default; do
        echo 0 >conf/$conf/$setting
    done
done
ip link add l2 type veth peer name eth0 netns "$1"
ip link add l9 type veth peer name eth0 netns "$2"
ip link add l1 type veth peer name nobody
ip link set nobody up
for net in 1 2 9; do
    ip address add "10.$net.0.1/24" dev "l$net"
    ip link set "l$net" up
done
echo 1 >ip_forward
